"""A series as a file: CSV for people and scripts, Parquet for notebooks. Pure; to be kept off the loop."""

import csv
import hashlib
import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from metering.instant import isoformat
from metering.quality import Quality
from metering.reading import Series
from metering.samples import Samples


def etag(samples: Samples, *question: object) -> str:
    """Changes with the values and with what was asked."""
    digest = hashlib.sha256(repr(question).encode())
    for column in (samples.times_us, samples.values, samples.qualities):
        digest.update(np.ascontiguousarray(column).tobytes())
    return f'"{digest.hexdigest()[:32]}"'


def to_csv(series: Series, unit: str, samples: Samples) -> bytes:
    """RFC 4180 with a header; times in ISO 8601 UTC, numbers with all their digits and a decimal point."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(("time", "device", "quantity", "value", "unit", "quality"))
    writer.writerows(
        (isoformat(time), series.device, series.quantity, repr(value), unit, Quality(quality).name.lower())
        for time, value, quality in zip(
            samples.times_us.tolist(), samples.values.tolist(), samples.qualities.tolist(), strict=True
        )
    )
    return text.getvalue().encode()


def to_parquet(series: Series, unit: str, samples: Samples) -> bytes:
    """Columns time (UTC, µs), value and quality (code of `metering.quality`); the rest is in the file's metadata."""
    table = pa.table(
        {
            "time": pa.array(samples.times_us, pa.timestamp("us", "UTC")),
            "value": pa.array(samples.values, pa.float64()),
            "quality": pa.array(samples.qualities, pa.int8()),
        },
        metadata={"device": series.device, "quantity": series.quantity, "unit": unit},
    )
    file = io.BytesIO()
    pq.write_table(table, file, compression="zstd")
    return file.getvalue()
