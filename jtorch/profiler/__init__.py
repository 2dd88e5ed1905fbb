"""Measuring where time goes (`torch.profiler`)."""
from ..autograd.profiler import ProfilerActivity, record_function, supported_activities
from .profiler import ProfilerAction, profile, schedule, tensorboard_trace_handler

__all__ = ["ProfilerAction", "ProfilerActivity", "profile", "record_function", "schedule", "supported_activities", "tensorboard_trace_handler"]
