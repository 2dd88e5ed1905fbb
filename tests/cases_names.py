"""Expressions about rarer public names: operators beneath `nn.functional`, storages, symbolic numbers, control flow, this build."""
from __future__ import annotations

SETUP = """
x, w, im = torch.arange(6.0).reshape(2, 3), torch.arange(12.0).reshape(4, 3), torch.arange(32.0).reshape(1, 2, 4, 4)
i, c, v = torch.tensor([0, 1, 2, 1]), torch.tensor([1 + 2j, 3]), torch.arange(4.0)
def grad(f, *tensors):
    leaves = [t.clone().requires_grad_() for t in tensors]
    made = f(*leaves)
    made = made[0] if isinstance(made, tuple) else made
    (made * torch.arange(1.0, made.numel() + 1).reshape(made.shape)).sum().backward()
    return [t.grad for t in leaves], made.grad_fn.name()
"""
CODE = r"""
torch.convolution(im, torch.ones(1, 2, 3, 3), None, [1, 1], [0, 0], [1, 1], False, [0, 0], 1)
torch.convolution(im, torch.ones(2, 1, 3, 3), torch.ones(1), [2, 2], [1, 1], [1, 1], True, [1, 1], 1)
torch.convolution(im[0], torch.ones(2, 1, 3), None, [1], [0], [1], False, [0], 2)
torch.embedding_bag(w, i, torch.tensor([0, 2]))
torch.embedding_bag(w, i, torch.tensor([0, 2]), False, 1)
torch.embedding_bag(w, i, torch.tensor([0, 2]), False, 2)
torch.embedding_bag(w, i, torch.tensor([0, 2]), False, 0, False, torch.ones(4), True, None)
torch.embedding_bag(w, i, torch.tensor([0, 2, 4]), include_last_offset=True, mode=1)
torch.embedding_bag(w, i, torch.tensor([0, 2]), False, 0, False, None, False, 1)
torch.embedding_bag(w, i, torch.tensor([0, 2]), False, 1, False, None, False, 1)
torch.embedding_bag(w, i, torch.tensor([0, 0, 3]), mode=2)
torch.grid_sampler(im, torch.linspace(-1, 1, 8).reshape(1, 2, 2, 2), 0, 0, False)
torch.grid_sampler_2d(im, torch.linspace(-2, 1, 8).reshape(1, 2, 2, 2), 1, 1, True)
torch.grid_sampler_3d(im[:, :, None], torch.zeros(1, 2, 2, 2, 3), 0, 2, True)
torch.affine_grid_generator(torch.eye(2, 3)[None], [1, 1, 2, 2], False)
torch.native_layer_norm(x, (3,), None, None, 1e-5)
torch.native_layer_norm(im, (4, 4), torch.ones(4, 4), torch.ones(4, 4), 1e-5)
grad(lambda t: torch.native_layer_norm(t, (3,), None, None, 1e-5), x * x)[0]
torch.native_group_norm(im, None, None, 1, 2, 16, 1, 1e-5)
torch.native_group_norm(im, torch.ones(2), torch.ones(2), 1, 2, 16, 2, 1e-5)
(m := torch.zeros(2), s := torch.ones(2), torch.batch_norm_update_stats(im, m, s, 0.1), m, s)
torch.slice_copy(x, 1, 0, 2), torch.slice_copy(x), torch.slice_copy(x, -1, 0, 3, 2), torch.slice_copy(x, 0, -1)
torch.slice_inverse(x[:, :2], x, 1, 0, 2, 1)
torch.view_as_real_copy(c), torch.view_as_complex_copy(x[:, :2].contiguous())
torch.from_dlpack(torch.to_dlpack(x))
torch.get_device(x), x.get_device()
torch.get_device('a')

torch.segment_reduce(x, 'sum', lengths=torch.tensor([1, 1]))
torch.segment_reduce(w, 'max', lengths=torch.tensor([1, 3]))
torch.segment_reduce(w, 'mean', lengths=torch.tensor([1, 0, 3]))
torch.segment_reduce(w, 'mean', offsets=torch.tensor([0, 1, 4]), axis=0, initial=2)
torch.segment_reduce(w, 'min', lengths=torch.tensor([1, 0, 3]), initial=1)
torch.segment_reduce(w, 'amin', lengths=torch.tensor([1, 0, 3]))
torch.segment_reduce(w, 'prod', lengths=torch.tensor([1, 0, 3]))
torch.segment_reduce(w[None], 'sum', lengths=torch.tensor([[1, 3]]), axis=1)
torch.segment_reduce(v, 'mean', lengths=torch.tensor([0, 4]), initial=5)
torch.segment_reduce(v, 'sum', offsets=torch.tensor([0, 1, 3]))
torch.segment_reduce(w, 'sum', lengths=torch.tensor([1, 1]), unsafe=True)
torch.segment_reduce(w, 'sum', lengths=torch.tensor([1, 1]))
torch.segment_reduce(v, 'sum', lengths=torch.tensor([-1, 5]))
torch.segment_reduce(w, 'sum')
torch.segment_reduce(w, 'x', lengths=torch.tensor([1, 3]))
torch.segment_reduce(w, 'sum', lengths=torch.tensor([1, 3]), axis=1)
torch.segment_reduce(v, 'sum', indices=torch.tensor([0, 1, 1, 1]))
torch.segment_reduce(v, 'sum', lengths=torch.tensor([1.0, 3.0]))
torch.segment_reduce(v.long(), 'sum', lengths=torch.tensor([1, 3]))
[grad(lambda t: torch.segment_reduce(t, r, lengths=torch.tensor([1, 0, 3])), torch.tensor([[3.0, 2], [1, 2], [1, 5], [0.5, 5]]))[0] for r in ('sum', 'mean', 'max', 'min', 'prod')]

torch.fake_quantize_per_tensor_affine(x, 0.5, 1, 0, 7)
torch.fake_quantize_per_tensor_affine(v / 4 - 0.5, 0.5, 1, -8, 7)
torch.fake_quantize_per_tensor_affine(x, torch.tensor(0.5), torch.tensor(1, dtype=torch.int32), 0, 7)
torch.fake_quantize_per_channel_affine(x, torch.tensor([0.5, 0.3]), torch.tensor([1, 0], dtype=torch.int32), 0, 0, 7)
torch.fake_quantize_per_channel_affine(x, torch.tensor([0.5, 0.3, 1]), torch.zeros(3), 1, -2, 3)
torch.fake_quantize_per_tensor_affine(x, 0.5, 9, 0, 7)
torch.fake_quantize_per_tensor_affine(x, 0.5, 9, 8, 7)
torch.fake_quantize_per_tensor_affine(i, 0.5, 1, 0, 7)
grad(lambda t: torch.fake_quantize_per_tensor_affine(t, 0.5, 1, 0, 7), x - 1.2)
grad(lambda t: torch.fake_quantize_per_channel_affine(t, torch.tensor([0.5, 0.3]), torch.tensor([1, 0], dtype=torch.int32), 0, 0, 7), x - 1.2)

[int(h) for h in (torch.hash_tensor(x), torch.hash_tensor(i), torch.hash_tensor(x > 1), torch.hash_tensor(x.half()), x.hash_tensor())]
torch.hash_tensor(x, 1).long(), torch.hash_tensor(x, 1, keepdim=True).shape, torch.hash_tensor(x).dtype
torch.hash_tensor(x, mode=1)
torch.hash_tensor(torch.tensor([]))

torch.sym_int(3.7), torch.sym_int(-3.7), torch.sym_float(3), torch.sym_max(1, 2.0), torch.sym_min(1, 2.0), torch.sym_max(3, 2), torch.sym_sqrt(4)
torch.sym_not(True), torch.sym_sum([1, 2]), torch.sym_ite(True, 1, 2), torch.sym_fresh_size(3), torch.sym_constrain_range(3, min=1, max=4)
torch.sym_constrain_range(5, min=1, max=4)
torch.sym_sqrt(-1)
isinstance(3, torch.SymInt), isinstance(3.0, torch.SymFloat), isinstance(True, torch.SymBool), torch.dequantize(x)
torch.cond(True, lambda a: a + 1, lambda a: a - 1, (x,))
torch.cond(torch.tensor(False), lambda a: a + 1, lambda a: a - 1, [x])
torch.cond(x, lambda a: a + 1, lambda a: a - 1, [x])
torch.cond('a', lambda: 1, lambda: 2)
torch.while_loop(lambda a: a < 3, lambda a: (a + 1,), (torch.tensor(0),))
torch.while_loop(lambda a, b: a < 3, lambda a, b: (a + 1, b * 2), (torch.tensor(0), torch.ones(2)))
torch.while_loop(1, 2, (x,))

torch.has_lapack, torch.has_spectral, torch.compiled_with_cxx11_abi(), torch.is_vulkan_available(), torch.init_num_threads()
torch.is_distributed(x), x.is_distributed(), torch.cudnn_is_acceptable(x), torch.thread_safe_generator()
torch.get_device_module('cpu').device_count(), torch.get_device_module().is_available(), torch.get_device_module(torch.device('cuda')).__name__[-5:]
torch.get_device_module('xyz')
torch.get_device_module('meta')
torch.get_device_module(1.5)
repr(torch.Event()), repr(torch.Stream()), repr(torch.Stream(device='cpu')), torch.Stream() == torch.Stream(), torch.Stream().device, torch.Stream().query()
torch.Event().query(), torch.Event().wait(), torch.Event().synchronize(), torch.Stream().synchronize(), torch.Stream().wait_event(torch.Event())
torch.Event().record()
torch.Stream().record_event()
torch.Stream('cuda')
torch.Event().elapsed_time(torch.Event())
torch.Event(enable_timing=True).elapsed_time(torch.Event(enable_timing=True))
[e.__mro__[1].__name__ for e in (torch.OutOfMemoryError, torch.AcceleratorError, torch.FatalError)], repr(torch.OutOfMemoryError)
torch.set_anomaly_enabled(True, False), torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled(), torch.set_anomaly_enabled(False)
torch.set_anomaly_enabled('a')
torch.legacy_contiguous_format, torch.GradScaler.__name__, torch.float8_e4m3fnuz, torch.float8_e8m0fnu.itemsize

torch.FloatStorage([1, 2]), torch.TypedStorage([1, 2], dtype=torch.int32), torch.UntypedStorage([300, 1]), torch.FloatStorage().size()
isinstance(x.storage(), torch.FloatStorage), isinstance(x.storage(), torch.LongStorage), torch.Storage is torch.FloatStorage, torch.FloatStorage.dtype
repr(torch.FloatStorage), x.storage().type(), x.untyped_storage().type(), repr(x.storage_type()), type(torch.FloatStorage(3)).__name__
torch.FloatStorage([1.5, 2]).long().tolist(), torch.FloatStorage([1.5, 2]).fill_(3).tolist(), torch.FloatStorage([1.5, 2]).clone().tolist()
torch.FloatStorage([1, 2]).element_size(), torch.FloatStorage([1, 2]).nbytes(), torch.FloatStorage([1, 2]).double().dtype, torch.FloatStorage([1, 2]).untyped()
torch.FloatStorage(3).copy_(torch.FloatStorage([1, 2, 3])).tolist(), torch.UntypedStorage(3).fill_(1).tolist(), torch.UntypedStorage([1, 2, 3])[0:2].tolist()
torch.FloatStorage([1, 2]).is_cuda, torch.FloatStorage([1, 2]).is_shared(), torch.UntypedStorage(3).nbytes(), torch.UntypedStorage(4).device
torch.FloatStorage('a')
torch.FloatStorage([1, 'a'])
torch.FloatStorage([1, 2, 3])[0:2]
[s := x.storage(), s.__setitem__(0, 9.0), x][-1]
[s := torch.FloatStorage([1, 2]), s.resize_(4), s.size(), s.tolist()[:2]][2:]
list(x.storage()), len(x.untyped_storage()), x.storage()[-1], x.untyped_storage()[7]
torch.from_file(path, size=3)
[t := torch.from_file(path, size=3, dtype=torch.int16), t.fill_(7), torch.from_file(path, size=3, dtype=torch.int16)]
[t := torch.from_file(path, shared=True, size=3, dtype=torch.int16), t.fill_(7), torch.from_file(path, size=3, dtype=torch.int16)]
torch.from_file('/no/such/file', size=3)

v.clone().map2_(v, v * 2, lambda a, b, c: a + b * c)
v.map2_(torch.ones(3), v, lambda a, b, c: a)
v.clone().requires_grad_().map2_(v, v, lambda a, b, c: a)
v.map2_(v, 1, lambda a, b, c: a)
v.resize(2, 2), v.resize_as(torch.ones(2, 2))
x.resize(3)
x.resize_as(w)
x.clone().module_load(x + 1), x.clone().module_load(x + 1, assign=True)
x.clone().module_load(w)
x.const_data_ptr() == x.data_ptr(), x.grad_dtype, i.grad_dtype, x.volatile, x.dequantize()
x.ipu()
x.xpu()
x.reinforce(1)
""".strip().splitlines()
