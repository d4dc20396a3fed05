"""Whether the measurements measure what they say."""
