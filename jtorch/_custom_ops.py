"""The older home of parts of `torch.library`, which libraries still import."""
from .library import custom_op as custom_op
from .library import get_ctx as get_ctx
from .library import infer_schema as infer_schema
from .library import register_fake as impl_abstract  # noqa: F401
