"""One module for each port: translation only, from the words of the glossary to boto3 and back."""
