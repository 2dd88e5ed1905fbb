"""Functions of functions (`torch.func`): derivatives, batches, and modules as functions of their parameters."""
from __future__ import annotations

from .batch import vmap
from .forward import hessian, jacfwd, jvp, linearize
from .rearrangement import rearrange
from .rewrite import debug_unwrap, functionalize
from .reverse import grad, grad_and_value, jacrev, vjp
from .state import functional_call, replace_all_batch_norm_modules_, stack_module_state

__all__ = ["debug_unwrap", "functional_call", "functionalize", "grad", "grad_and_value", "hessian", "jacfwd", "jacrev", "jvp", "linearize",
           "rearrange", "replace_all_batch_norm_modules_", "stack_module_state", "vjp", "vmap"]
