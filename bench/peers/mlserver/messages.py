"""Messages of MLServer's gRPC door, made and read with its own stubs: `messages.py encode|decode FROM TO`.

encode: matrices (.npz, one array per request) to a file of messages; decode: the answers to matrices. In a
file of messages each is preceded by its length, four bytes, little-endian.
"""

import sys
from pathlib import Path

import numpy as np
from mlserver.grpc import dataplane_pb2


def encode(matrices: Path, target: Path) -> None:
    """Write a request per matrix, its floats as raw bytes, which MLServer reads fastest."""
    with np.load(matrices) as arrays, target.open("wb") as out:
        for name in arrays.files:
            matrix = arrays[name].astype("<f4")
            tensor = dataplane_pb2.ModelInferRequest.InferInputTensor(
                name="features", datatype="FP32", shape=matrix.shape
            )
            message = dataplane_pb2.ModelInferRequest(
                model_name="forest", inputs=[tensor], raw_input_contents=[matrix.tobytes()]
            ).SerializeToString()
            out.write(len(message).to_bytes(4, "little") + message)


def decode(answers: Path, target: Path) -> None:
    """Write the margins of each answer."""
    content, found = answers.read_bytes(), {}
    while content:
        size = int.from_bytes(content[:4], "little")
        message = dataplane_pb2.ModelInferResponse.FromString(content[4 : 4 + size])
        margins = (
            np.frombuffer(message.raw_output_contents[0], "<f4")
            if message.raw_output_contents
            else np.array(message.outputs[0].contents.fp32_contents)
        )
        found[f"{len(found):06}"] = margins
        content = content[4 + size :]
    np.savez(target, **found)


if __name__ == "__main__":
    {"encode": encode, "decode": decode}[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
