"""The peer's model inside MLServer: the same ONNX file as ours, one thread of onnxruntime, arrays in and out.

Imported by MLServer in an environment of its own; nothing of ours is there.
"""

import numpy as np
import onnxruntime
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse


class Forest(MLModel):
    """Margins of one forest for a matrix of float32."""

    async def load(self) -> bool:
        """Open the model file that the settings name."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            self.settings.parameters.uri, options, providers=["CPUExecutionProvider"]
        )
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Return one margin per row."""
        matrix = np.ascontiguousarray(NumpyCodec.decode_input(payload.inputs[0]), dtype=np.float32)
        (margins,) = self._session.run(None, {"features": matrix})
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("margins", margins)])
