#!/usr/bin/env python3
"""Runs one MLflow python_function model for a Millwright model server, in a process of its own.

    millwright_worker.py MODEL_DIRECTORY    answers on descriptor 3 (src/serving/backend/worker_protocol.h)
    millwright_worker.py --check FILE       says as JSON which of a requirements file's packages this Python lacks

Unpickling and whatever else the model's code does happen here and nowhere else. The model's signature says what goes in
and comes out: named columns become a pandas DataFrame, a tensor an array. Whatever comes back (array, DataFrame,
Series, list, dictionary, sparse matrix) becomes the tensors that the signature promises, or an error that says what it
was.
"""
import json
import os
import re
import socket
import struct
import sys

PROTOCOL = 1
HELLO, RUN, ANSWER, ERROR = 1, 2, 3, 4
FRAME_BYTES_MAX = 80 << 20
DATATYPES = ["BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16", "BF16", "FP32",
             "FP64", "BYTES"]
NUMPY_TYPES = {"BOOL": "bool", "UINT8": "uint8", "UINT16": "uint16", "UINT32": "uint32", "UINT64": "uint64",
               "INT8": "int8", "INT16": "int16", "INT32": "int32", "INT64": "int64", "FP16": "float16",
               "FP32": "float32", "FP64": "float64"}
COLUMN_TYPES = {"boolean": "BOOL", "integer": "INT32", "long": "INT64", "float": "FP32", "double": "FP64",
                "string": "BYTES", "binary": "BYTES", "datetime": "BYTES"}
# What the one unnamed input or output of a model is called.
INPUT, OUTPUT = "input", "predictions"


class Refused(Exception):
    """Says that it cannot be done, with one of the protocol's codes."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


# The protocol.

def read_exactly(connection, size):
    data = bytearray(size)
    view, got = memoryview(data), 0
    while got < size:
        count = connection.recv_into(view[got:])
        if count == 0:
            sys.exit(0)
        got += count
    return data


def read_frame(connection):
    size, kind, number = struct.unpack("<IB3xQ", read_exactly(connection, 16))
    if size > FRAME_BYTES_MAX:
        raise ValueError(f"a frame of {size} bytes")
    return kind, number, read_exactly(connection, size)


def send_frame(connection, kind, number, payload):
    connection.sendall(struct.pack("<IB3xQ", len(payload), kind, number))
    connection.sendall(payload)


def padded(data):
    return data + bytes(-len(data) % 16)


def parse_tensors(payload):
    """[(name, array or list of bytes, shape)]"""
    import numpy
    count, at, tensors = struct.unpack_from("<I", payload)[0], 16, []
    for _ in range(count):
        datatype, rank, name_size, size = struct.unpack_from("<BBH4xQ", payload, at)
        shape = struct.unpack_from(f"<{rank}q", payload, at + 16)
        name_at = at + 16 + 8 * rank
        name = bytes(payload[name_at:name_at + name_size]).decode()
        at = name_at + name_size
        at += -at % 16
        kind = DATATYPES[datatype]
        if kind == "BYTES":
            values = parse_elements(payload, at, at + size)
        elif kind in NUMPY_TYPES:
            values = numpy.frombuffer(payload, NUMPY_TYPES[kind], size // numpy.dtype(NUMPY_TYPES[kind]).itemsize, at)
            values = values.reshape(shape)
        else:
            raise Refused("UNIMPLEMENTED", f"input {name} is {kind}")
        tensors.append((name, values, shape))
        at += size + -size % 16
    return tensors


def parse_elements(payload, at, end):
    elements, view = [], memoryview(payload)
    while at < end:
        size = struct.unpack_from("<I", payload, at)[0]
        elements.append(bytes(view[at + 4:at + 4 + size]))
        at += 4 + size
    return elements


def write_tensors(tensors):
    """`tensors`: [(name, datatype, shape, bytes)]"""
    pieces = [struct.pack("<I12x", len(tensors))]
    for name, datatype, shape, data in tensors:
        title = name.encode()
        head = struct.pack("<BBH4xQ", DATATYPES.index(datatype), len(shape), len(title), len(data))
        pieces += [padded(head + struct.pack(f"<{len(shape)}q", *shape) + title), padded(data)]
    return b"".join(pieces)


# What the signature says.

def datatype_of(dtype):
    """Of a numpy type."""
    import numpy
    dtype = numpy.dtype(dtype)
    if dtype.kind in "OUSM":
        return "BYTES"
    for name, known in NUMPY_TYPES.items():
        if dtype == numpy.dtype(known):
            return name
    raise Refused("UNIMPLEMENTED", f"no tensor holds values of the type {dtype}")


def specs_of(schema, unnamed):
    """Tensor specs of a signature's inputs or outputs, and of columns their types."""
    specs, types = [], {}
    entries = list(schema.inputs)
    for place, entry in enumerate(entries):
        name = str(entry.name) if entry.name is not None else unnamed if len(entries) == 1 else f"{unnamed}_{place}"
        if schema.is_tensor_spec():
            specs.append({"name": name, "datatype": datatype_of(entry.type), "shape": [int(n) for n in entry.shape]})
            continue
        kind = getattr(entry.type, "name", str(entry.type))
        if kind not in COLUMN_TYPES:
            raise Refused("UNIMPLEMENTED", f"column {name} is {entry.type}, which no tensor holds")
        specs.append({"name": name, "datatype": COLUMN_TYPES[kind], "shape": [-1]})
        types[name] = kind
    return specs, types


class Model:
    """A loaded model with what it takes and gives."""

    def __init__(self, directory):
        import mlflow
        import mlflow.pyfunc
        self.library = f"MLflow {mlflow.__version__}, Python {sys.version.split()[0]}"
        self.model = mlflow.pyfunc.load_model(directory)
        metadata = self.model.metadata
        schema = metadata.get_input_schema()
        self.columns = {}
        if schema is None:
            self.inputs = [{"name": INPUT, "datatype": "FP64", "shape": [-1, width_of(self.model)]}]
        else:
            self.inputs, self.columns = specs_of(schema, INPUT)
        output = metadata.get_output_schema()
        self.outputs = specs_of(output, OUTPUT)[0] if output is not None else self.probe(directory)
        shapes = [spec["shape"] for spec in self.inputs + self.outputs]
        self.batchable = all(shape and shape[0] == -1 for shape in shapes)

    def probe(self, directory):
        """What comes out for the example that was logged with the model, else for rows of zeros."""
        example = self.model.metadata.load_input_example(directory)
        width = self.inputs[0]["shape"][-1]
        if example is None and not self.columns and len(self.inputs) == 1 and width > 0:
            import numpy
            example = numpy.zeros((2, width), NUMPY_TYPES[self.inputs[0]["datatype"]])
        if example is None:
            raise Refused("FAILED_PRECONDITION", "the model's signature says nothing of its outputs, and no input "
                          "example was logged; log it with "
                          "signature=mlflow.models.infer_signature(inputs, predictions)")
        specs = []
        for name, values in named_results(self.model.predict(example)):
            shape = [-1] + [int(n) for n in values.shape[1:]]
            specs.append({"name": name or OUTPUT, "datatype": datatype_of(values.dtype), "shape": shape})
        return specs

    def hello(self):
        with open("/proc/self/statm", encoding="ascii") as statm:
            memory = int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        return {"protocol": PROTOCOL, "platform": "mlflow_pyfunc", "library": self.library, "batchable": self.batchable,
                "memory_bytes": memory, "inputs": self.inputs, "outputs": self.outputs}

    def answer(self, tensors):
        fitted = self.fit(named_results(self.model.predict(self.arguments(tensors))))
        if self.batchable:
            rows = tensors[0][2][0]
            for name, _, shape, _ in fitted:
                if not shape or shape[0] != rows:
                    given = shape[0] if shape else 1
                    raise Refused("INTERNAL", f"the model gave {given} values of {name} for {rows} rows")
        return write_tensors(fitted)

    def arguments(self, tensors):
        if self.columns:
            import pandas
            return pandas.DataFrame({name: self.column(name, values) for name, values, _ in tensors})
        arrays = [(name, as_array(values, shape)) for name, values, shape in tensors]
        if len(arrays) == 1 and arrays[0][0] == INPUT:
            return arrays[0][1]
        return dict(arrays)

    def column(self, name, values):
        kind = self.columns[name]
        if not isinstance(values, list):
            return values.reshape(-1)
        if kind == "binary":
            return values
        texts = as_texts(name, values)
        if kind == "datetime":
            import pandas
            return pandas.to_datetime(texts)
        return texts

    def fit(self, results):
        """The results as the outputs that were promised, by name, else by place."""
        by_name = dict(results)
        if all(spec["name"] in by_name for spec in self.outputs):
            results = [(spec["name"], by_name[spec["name"]]) for spec in self.outputs]
        elif len(self.outputs) == 1 and len(results) > 1:
            import numpy
            results = [(None, numpy.column_stack([values for _, values in results]))]
        if len(results) != len(self.outputs):
            raise ValueError(f"the model gave {len(results)} outputs, its signature promises {len(self.outputs)}")
        return [fit_one(spec, values) for spec, (_, values) in zip(self.outputs, results)]


def width_of(model):
    """How many columns a matrix for a model without a signature has; -1 when the model does not say."""
    raw = getattr(model, "get_raw_model", lambda: None)()
    if hasattr(raw, "feature_names_in_"):  # it wants its columns by name, and does not say of what types they are
        return -1
    for name in ("n_features_in_", "num_features", "num_feature"):
        width = getattr(raw, name, None)
        width = width() if callable(width) else width
        if isinstance(width, int):
            return width
    return -1


def as_texts(name, elements):
    try:
        return [element.decode() for element in elements]
    except UnicodeDecodeError as error:
        raise Refused("INVALID_ARGUMENT", f"input {name} holds a text that is not UTF-8") from error


def as_array(values, shape):
    import numpy
    if not isinstance(values, list):
        return values
    return numpy.array(as_texts(INPUT, values), dtype=object).reshape(shape)


def named_results(result):
    """[(name or None, array)] of whatever predict gave."""
    import numpy
    if hasattr(result, "toarray"):
        result = result.toarray()
    if isinstance(result, dict):
        return [(str(name), numpy.asarray(values)) for name, values in result.items()]
    if hasattr(result, "columns") and hasattr(result, "iloc"):
        names = list(result.columns)
        if names == list(range(len(names))):  # they have none
            names = [None] * len(names)
        return [(None if name is None else str(name), result.iloc[:, i].to_numpy()) for i, name in enumerate(names)]
    if hasattr(result, "to_numpy"):
        return [(None, result.to_numpy())]
    return [(None, numpy.asarray(result))]


def fit_one(spec, values):
    import numpy
    shape = spec["shape"]
    if values.ndim == 2 and values.shape[1] == 1 and len(shape) == 1:
        values = values.reshape(-1)
    if spec["datatype"] == "BYTES":
        elements = [element if isinstance(element, bytes) else str(element).encode() for element in values.reshape(-1)]
        data = b"".join(struct.pack("<I", len(element)) + element for element in elements)
        return spec["name"], "BYTES", values.shape, data
    target = numpy.dtype(NUMPY_TYPES[spec["datatype"]])
    fitted = numpy.ascontiguousarray(values, dtype=target)
    if not numpy.can_cast(values.dtype, target, "same_kind") and not numpy.array_equal(fitted, values):
        raise ValueError(f"output {spec['name']} is {values.dtype}, the signature promises {target}")
    return spec["name"], spec["datatype"], fitted.shape, fitted.tobytes()


# The process.

def sentence(error):
    text = str(error).strip().split("\n")[0]
    return text if isinstance(error, Refused) else f"{type(error).__name__}: {text}"


def code_of(error):
    """Whether the values are to blame, or the model."""
    if isinstance(error, Refused):
        return error.code
    if isinstance(error, (ValueError, TypeError, KeyError)) or getattr(error, "error_code", "") in (
            "INVALID_PARAMETER_VALUE", "BAD_REQUEST"):
        return "INVALID_ARGUMENT"
    return "INTERNAL"


def send_error(connection, number, code, error):
    send_frame(connection, ERROR, number, json.dumps({"code": code, "message": sentence(error)}).encode())


def serve(directory):
    connection = socket.socket(fileno=3)
    os.set_inheritable(3, False)
    try:
        model = Model(directory)
        hello = json.dumps(model.hello()).encode()
    except Exception as error:  # whatever the model's own code throws
        code = error.code if isinstance(error, Refused) else "INVALID_ARGUMENT"
        send_error(connection, 0, code, error)
        return 1
    send_frame(connection, HELLO, 0, hello)
    while True:
        kind, number, payload = read_frame(connection)
        if kind != RUN:
            return 1
        try:
            answer = model.answer(parse_tensors(payload))
        except Exception as error:
            send_error(connection, number, code_of(error), error)
        else:
            send_frame(connection, ANSWER, number, answer)


def check(path):
    import importlib
    from importlib import metadata
    missing, different = [], []
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            wanted = re.match(r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?\s*(?:==\s*([^;\s]+))?", line)
            if not wanted:
                continue
            name, version = wanted.groups()
            try:
                there = metadata.version(name)
            except metadata.PackageNotFoundError:
                missing.append(name)
                continue
            if version and there != version:
                different.append(f"{name} {there} instead of {version}")
    try:
        importlib.import_module("mlflow.pyfunc")
        missing = [name for name in missing if name != "mlflow"]
    except ImportError:
        missing = sorted({*missing, "mlflow"})
    print(json.dumps({"python": sys.version.split()[0], "missing": missing, "different": different}))
    return 0


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "--check":
        return check(sys.argv[2])
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    return serve(sys.argv[1])


if __name__ == "__main__":
    sys.exit(main())
