"""The reference's figures: percent, rounded to two places, F1 from the rounded ones."""


def figures(right: int, predicted: int, gold: int, prefix: str = "") -> dict[str, float]:
    """{P, R, F1} in percent, their names after `prefix`; 0 where nothing can be divided by."""
    precision = round(right / predicted * 100, 2) if predicted else 0.0
    recall = round(right / gold * 100, 2) if gold else 0.0
    both = precision + recall
    f1 = round(2 * precision * recall / both, 2) if both else 0.0
    return {f"{prefix}P": precision, f"{prefix}R": recall, f"{prefix}F1": f1}
