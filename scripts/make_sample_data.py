"""Writes config/sample/customers.csv and orders.csv: invented, small, hard for CSV readers."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

SAMPLES = Path(__file__).resolve().parents[1] / "config" / "sample"
SEED = 20261123

GIVEN = ["Ada", "Björn", "Chloé", "Dmitri", "Éva", "Fatima", "Grace", "Håkon", "İlayda", "Józef"]
FAMILY = ["O'Neill", "Åström", "García, Jr.", "Müller-Lüdenscheidt", "李", "Nguyễn", "Smith", "Дуб"]
CITIES = [("Łódź", "PL"), ("São Paulo", "BR"), ("Zürich", "CH"), ("京都", "JP"), ("Cork", "IE")]
NOTES = [
    None,
    'calls it "the warehouse"',
    "gate 3, ring twice",
    "first line\nsecond line",
    "  blanks around  ",
    "",
]
GOODS = ["anvil", 'screws, 3/8"', "thé vert", "rope; 10 m", "paint \\ primer"]
STATES = ["new", "paid", "sent", None]

Row = tuple[object, ...]


def customers(chance: random.Random) -> Iterator[Row]:
    """Yield 36 customers."""
    for number in range(1, 37):
        city, country = chance.choice(CITIES)
        name = f"{chance.choice(GIVEN)} {chance.choice(FAMILY)}"
        since = date(2019, 1, 1) + timedelta(days=chance.randrange(2500))
        limit = None if chance.random() < 0.2 else Decimal(chance.randrange(1_000_000)) / 100
        email = None if chance.random() < 0.15 else f"customer{number}@example.com"
        note = chance.choice(NOTES)
        yield number, name, email, city, country, since, limit, chance.random() < 0.8, note


def orders(chance: random.Random) -> Iterator[Row]:
    """Yield 60 orders of these customers."""
    for number in range(1001, 1061):
        ordered = datetime(2026, 1, 1) + timedelta(seconds=chance.randrange(86_400 * 300))
        shipped = None if chance.random() < 0.3 else (ordered + timedelta(days=3)).date()
        price = Decimal(chance.randrange(1, 50_000)) / 100
        yield (
            number,
            chance.randrange(1, 37),
            ordered.isoformat(sep=" "),
            shipped,
            chance.choice(GOODS),
            chance.randrange(1, 20),
            price,
            chance.choice(STATES),
        )


def cell(value: object) -> str:
    """Return a value as CSV: a null is nothing at all, an empty text `""`."""
    if value is None:
        return ""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if text and text == text.strip() and not set(text) & set(',"\n'):
        return text
    return '"' + text.replace('"', '""') + '"'


def table(columns: str, rows: Iterator[Row]) -> str:
    """Return CSV text with a header."""
    lines = [columns.split(), *([cell(value) for value in row] for row in rows)]
    return "".join(",".join(line) + "\n" for line in lines)


def tables() -> dict[str, str]:
    """Return each file's name and text; the same at every call."""
    chance = random.Random(SEED)  # noqa: S311 - sample data, no secret
    return {
        "customers.csv": table(
            "customer_id name email city country since credit_limit active note",
            customers(chance),
        ),
        "orders.csv": table(
            "order_id customer_id ordered_at shipped_on item quantity unit_price state",
            orders(chance),
        ),
    }


if __name__ == "__main__":
    SAMPLES.mkdir(parents=True, exist_ok=True)
    for name, text in tables().items():
        (SAMPLES / name).write_text(text, encoding="utf-8")
        print(f"{SAMPLES / name}: {len(text.encode()):,} bytes")
