"""Compatibility: whether an alias can be split between two versions of a function."""

from controller.core.code import Code


def refuse_weights(baseline: Code, candidate: Code) -> str | None:
    """Return why Lambda would not split an alias between two versions, or None.

    Source: Lambda developer guide, "Implement Lambda canary deployments using a weighted alias": both versions have
    the same execution role, and the same dead-letter queue or none. Their architectures may differ.
    """
    differ = []
    if baseline.role != candidate.role:
        differ.append(f"execution role ({_end(baseline.role)}, {_end(candidate.role)})")
    if baseline.dead_letters != candidate.dead_letters:
        differ.append(f"dead-letter queue ({_end(baseline.dead_letters)}, {_end(candidate.dead_letters)})")
    if not differ:
        return None
    names = " and ".join(each.version.replace("$LATEST", "what is published now") for each in (baseline, candidate))
    return f"versions {names} of function {baseline.function} differ in {' and '.join(differ)}"


def _end(arn: str | None) -> str:
    """Return the end of an ARN, which people recognise."""
    return arn.rpartition(":")[2].rpartition("/")[2] if arn else "none"
