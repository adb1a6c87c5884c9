"""Tables as people have them, made by seed: three to learn from, and broken ones."""
import math
import random
from datetime import datetime, timedelta

ODD = 'say "cheese", it\'s'


def quoted(value):
    text = str(value)
    return '"' + text.replace('"', '""') + '"' if any(c in text for c in ',"\n') else text


def lines(header, rows, separator=","):
    return "".join(separator.join(quoted(cell) for cell in row) + "\n" for row in [header, *rows])


def churn(rows=1500):
    """Two classes over time. `cancelled_at` is later than `at`, `refund` is known only with the label, `plan_code` is
    the same everywhere, `customer_id` names the row."""
    chance = random.Random(11)
    start = datetime(2023, 1, 1)
    out = []
    for i in range(rows):
        at = start + timedelta(hours=4 * i)
        months, calls = chance.randrange(1, 60), chance.randrange(0, 9)
        plan = chance.choice(["basic", "family", "pro"])
        odds = 1.5 - 0.08 * months + 0.5 * calls - (1.5 if plan == "pro" else 0)
        left = chance.random() < 1 / (1 + math.exp(-odds))
        refund = round(chance.uniform(5, 50), 2) if left else 0
        out.append([f"C{i:05d}", f"{at:%Y-%m-%d %H:%M:%S}", months, calls if chance.random() > 0.1 else "NA", plan,
                    "P1", f"{at + timedelta(days=30):%Y-%m-%d %H:%M:%S}", refund, "yes" if left else "no"])
    return lines(["customer_id", "at", "months", "calls", "plan", "plan_code", "cancelled_at", "refund", "left"], out)


def repairs(rows=600):
    """Two classes by words that are no truth values, and a key."""
    chance = random.Random(14)
    out = []
    for i in range(rows):
        age, screws = chance.randrange(0, 12), chance.randrange(0, 9)
        back = chance.random() < 1 / (1 + math.exp(2 - 0.4 * age + 0.2 * screws))
        out.append([f"R{i:04d}", age, screws, "sent back" if back else "kept"])
    return lines(["repair_id", "age", "screws", "outcome"], out)


def flowers(rows=600):
    """Three classes, sorted by class, with a column that counts the rows, missing values and names that hurt."""
    chance = random.Random(12)
    out = []
    for i in range(rows):
        kind = i * 3 // rows
        width = chance.gauss(kind * 1.6, 1)
        length = "" if chance.random() < 0.08 else f"{chance.gauss(5 - kind, 1.2):.2f}"
        out.append([i + 1, f"{width:.2f}", length, chance.choice(["süd", "nord", "a,b", ODD]),
                    ["Iris rosé", "氷", 'the "third"'][kind]])
    return lines(["row", "Breite (cm)", "长度", ODD, "class"], out)


def prices(rows=900):
    """A number; semicolons, decimal commas, thousands set apart by dots, and two values that are none."""
    chance = random.Random(13)
    out = []
    for i in range(rows):
        area, rooms = chance.uniform(20, 200), chance.randrange(1, 7)
        price = 40_000 + 2_100 * area + 9_000 * rooms + chance.gauss(0, 20_000)
        text = f"{price:,.2f}".replace(",", " ").replace(".", ",").replace(" ", ".")
        size = f"{area:.1f}".replace(".", ",") if i % 400 else "groß"
        out.append([size, rooms, chance.choice(["Ulm", "Bonn", "Köln"]), text])
    return "\ufeff" + lines(["Fläche", "Zimmer", "Ort", "Preis"], out, ";")


def many(line, rows=200):
    chance = random.Random(14)
    return "".join(line(i, chance) for i in range(rows))


def broken():
    """name -> (content, label, further arguments, what the sentence says)"""
    yes_no = many(lambda i, c: f"{i % 7},{c.random():.3f},{int(c.random() < 0.5)}\n")
    return {
        "empty": (b"", "y", [], "is empty"),
        "blank": (b"\n \n", "y", [], "is empty"),
        "header alone": (b"a,b,y\n", "y", [], "no rows"),
        "one row": (b"a,b,y\n1,2,0\n", "y", [], "every row"),
        "no header": (many(lambda i, c: f"{i},{c.random()},1\n").encode(), "y", [], "looks like data"),
        "label of one kind": (b"a,y\n" + b"1,7\n2,7\n" * 50, "y", [], "in every row"),
        "label missing": (b"a,y\n" + b"1,\n2,\n" * 50, "y", [], "no value in any row"),
        "no such label": (b"a,b,y\n" + yes_no.encode(), "z", [], "no column \"z\""),
        "nearly such label": (b"a,b,outcome\n" + yes_no.encode(), "outcom", [], "did you mean \"outcome\"?"),
        "the label alone": (b"y\n" + b"1\n0\n" * 50, "y", [], "nothing is left to predict it from"),
        "names twice": (b"a,a,y\n1,2,3\n", "y", [], "stands twice"),
        "ragged": (b"a,b,y\n1,2,0\n1,2\n", "y", [], ":3:"),
        "open quote": (b"a,b,y\n1,\"2,0\n3,4,1\n", "y", [], "quote"),
        "latin-1": ("straße,y\n".encode("latin-1") + b"1,0\n0,1\n" * 50, "y", [], "is not UTF-8"),
        "utf-16": ("a,y\n1,0\n".encode("utf-16"), "y", [], "is UTF-16"),
        "bytes": (bytes(range(256)) * 20, "y", [], "is no text"),
        "too few": (b"a,b,y\n" + "".join(yes_no.splitlines(True)[:30]).encode(), "y", [], "at least 60"),
        "too many classes": (b"a,y\n" + many(lambda i, c: f"{i},name {i}\n").encode(), "y", [], "at most 100"),
        "text as a number": (b"a,b,y\n" + yes_no.replace(",1\n", ",ja\n").replace(",0\n", ",nein\n").encode(), "y",
                             ["--type", "regression"], "not a number"),
        "time that is none": (b"a,b,y\n" + many(lambda i, c: f"soon{i % 3},{c.random()},{i % 2}\n").encode(), "y",
                              ["--time", "a"], "not a time"),
        "key that repeats": (b"a,b,y\n" + yes_no.encode(), "y", ["--key", "a"], "repeats"),
        "all columns empty": (b"a,b,y\n" + many(lambda i, c: f",,{int(c.random() < 0.5)}\n").encode(), "y", [],
                              "no column is left"),
    }
