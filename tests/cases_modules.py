"""Cases for test_nn_modules.py: code that runs with PyTorch and with jtorch."""
from __future__ import annotations

MODELS = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(2, 3)
        self.register_buffer("mean", torch.zeros(3))
        self.register_buffer("hidden", torch.ones(1), persistent=False)
        self.fc2 = nn.Linear(3, 1)
    def forward(self, x):
        return self.fc2(torch.tanh(self.fc1(x)) - self.mean)

class Early(nn.Module):
    def __init__(self, value):
        self.value = value

class Bare(nn.Module):
    pass

class Two(nn.Module):
    def forward(self, a, b):
        return a * b, a + 1

class Extra(nn.Module):
    def __init__(self):
        super().__init__()
        self.p = nn.Parameter(torch.ones(1))
        self.extra = None
    def get_extra_state(self):
        return {"n": 1}
    def set_extra_state(self, state):
        self.extra = state

class Lines(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Sequential(nn.Linear(1, 1), nn.ReLU()) for _ in range(3)])
        self.nothing = None
    def extra_repr(self):
        return "a=1\\nb=2"
"""

IMAGE, SIGNAL, VOLUME = "torch.randn(2, 4, 6, 6)", "torch.randn(2, 4, 6)", "torch.randn(2, 4, 5, 5, 5)"

# constructor                                                                   inputs
LAYERS = [
    ("nn.Identity(3, x=2)",                                                     "torch.randn(2, 3)"),
    ("nn.Linear(3, 4)",                                                         "torch.randn(2, 3)"),
    ("nn.Linear(3, 4, bias=False, dtype=torch.float64)",                        "torch.randn(3, dtype=torch.float64)"),
    ("nn.Bilinear(3, 4, 5)",                                                    "torch.randn(2, 3), torch.randn(2, 4)"),
    ("nn.Bilinear(3, 4, 5, bias=False)",                                        "torch.randn(2, 3), torch.randn(2, 4)"),
    ("nn.LazyLinear(4)",                                                        "torch.randn(2, 3)"),
    ("nn.Flatten()",                                                            IMAGE),
    ("nn.Flatten(0, 1)",                                                        IMAGE),
    ("nn.Unflatten(1, (2, 2))",                                                 IMAGE),
    ("nn.Sequential(nn.Linear(6, 3), nn.ReLU(), nn.Sequential(nn.Linear(3, 2)))", IMAGE),
    ("nn.Sequential(OrderedDict(a=nn.Linear(6, 3), b=nn.Tanh()))",              IMAGE),
    *[(f"nn.{name}", IMAGE) for name in (
        "ReLU()", "ReLU(inplace=True)", "ReLU6()", "RReLU()", "RReLU(0.1, 0.2)", "SELU()", "CELU(1.5)", "ELU(0.5)", "GELU()", "GELU('tanh')",
        "GLU(1)",
        "Hardshrink()", "Hardsigmoid()", "Hardswish()", "Hardtanh(-0.5, 2)", "LeakyReLU(0.2)", "LogSigmoid()", "LogSoftmax(1)", "Mish()",
        "PReLU()", "PReLU(4, 0.1)", "SiLU()", "Sigmoid()", "Softmax(dim=-1)", "Softmax2d()", "Softmin(1)", "Softplus(2)", "Softshrink()",
        "Softsign()",
        "Tanh()", "Tanhshrink()", "Threshold(0.1, 20)", "Dropout(0.3)", "Dropout(0.0)", "Dropout2d()", "AlphaDropout(0.3)", "FeatureAlphaDropout()",
        "BatchNorm2d(4)", "BatchNorm2d(4, momentum=None)", "BatchNorm2d(4, affine=False)", "BatchNorm2d(4, track_running_stats=False)",
        "BatchNorm2d(4, bias=False)", "InstanceNorm2d(4)", "InstanceNorm2d(4, affine=True, track_running_stats=True)", "GroupNorm(2, 4)",
        "GroupNorm(2, 4, affine=False)", "LayerNorm(6)", "LayerNorm([6, 6], bias=False)", "LayerNorm((6,), elementwise_affine=False)", "RMSNorm(6)",
        "RMSNorm((6, 6), eps=1e-3)", "LocalResponseNorm(2)", "SyncBatchNorm(4).eval()",
        "Conv2d(4, 6, 3)", "Conv2d(4, 6, (3, 2), stride=2, padding=(1, 0), dilation=(1, 2), groups=2, bias=False)", "Conv2d(4, 4, 3, padding='same')",
        "Conv2d(4, 4, 2, padding='valid')", "Conv2d(4, 4, 3, padding=1, padding_mode='reflect')",
        "Conv2d(4, 4, 3, padding='same', padding_mode='circular')", "ConvTranspose2d(4, 3, 3)",
        "ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1, groups=2, dilation=2, bias=False)",
        "LazyConv2d(8, 3)", "LazyConvTranspose2d(8, 3, bias=False)", "LazyBatchNorm2d()", "LazyInstanceNorm2d(affine=True)",
        "MaxPool2d(2)", "MaxPool2d(3, 2, 1, ceil_mode=True)", "MaxPool2d(2, return_indices=True)", "AvgPool2d(2)",
        "AvgPool2d(3, 1, 1, divisor_override=2)",
        "LPPool2d(2, 2)", "AdaptiveAvgPool2d(2)", "AdaptiveAvgPool2d((None, 3))", "AdaptiveMaxPool2d(3)", "FractionalMaxPool2d(2, 3)",
        "ReflectionPad2d(1)", "ReplicationPad2d((1, 0, 2, 1))", "ZeroPad2d(1)", "ConstantPad2d(1, 2.5)", "CircularPad2d(2)",
        "Upsample(scale_factor=2)",
        "Upsample((4, 5), mode='bilinear')", "Upsample(scale_factor=(2, 3))", "UpsamplingNearest2d(3)", "UpsamplingBilinear2d(scale_factor=2)",
        "PixelShuffle(2)",
        "PixelUnshuffle(2)", "ChannelShuffle(2)", "Unfold(2)", "Unfold((2, 3), 1, 1, 2)")],
    *[(f"nn.{name}", SIGNAL) for name in (
        "Conv1d(4, 2, 3)", "Conv1d(4, 2, 3, padding=1, padding_mode='replicate')", "ConvTranspose1d(4, 2, 3, 2)", "LazyConv1d(2, 3)",
        "LazyConvTranspose1d(2, 3)", "MaxPool1d(2)", "AvgPool1d(2)", "LPPool1d(2, 3)", "AdaptiveAvgPool1d(2)", "AdaptiveMaxPool1d(2)", "Dropout1d()",
        "BatchNorm1d(4)", "InstanceNorm1d(4)", "LazyBatchNorm1d()", "LazyInstanceNorm1d()", "ReflectionPad1d(2)", "ReplicationPad1d(1)",
        "ZeroPad1d((1, 2))", "ConstantPad1d(1, 3.0)", "CircularPad1d(1)")],
    *[(f"nn.{name}", VOLUME) for name in (
        "Conv3d(4, 2, 3)", "ConvTranspose3d(4, 2, 2)", "LazyConv3d(2, 3)", "LazyConvTranspose3d(2, 3)", "MaxPool3d(2)", "AvgPool3d(2)",
        "LPPool3d(2, 2)",
        "AdaptiveAvgPool3d(2)", "AdaptiveMaxPool3d(2)", "FractionalMaxPool3d(2, output_ratio=0.5)", "Dropout3d()", "BatchNorm3d(4)",
        "InstanceNorm3d(4)",
        "LazyBatchNorm3d()", "LazyInstanceNorm3d()", "ReflectionPad3d(1)", "ReplicationPad3d(1)", "ZeroPad3d(1)", "ConstantPad3d(1, 0.5)",
        "CircularPad3d(1)")],
    ("nn.Fold((3, 3), 2)",                                                      "torch.randn(2, 8, 4)"),
    ("nn.MaxUnpool2d(2)",                                                       "torch.randn(1, 1, 2, 2), torch.tensor([[[[0, 2], [8, 10]]]])"),
    ("nn.MaxUnpool1d(2)",                                                       "torch.randn(1, 1, 2), torch.tensor([[[0, 3]]])"),
    ("nn.MaxUnpool3d(1)",                                                       "torch.randn(1, 1, 1, 1, 2), torch.tensor([[[[[0, 1]]]]])"),
    ("nn.Embedding(5, 3)",                                                      "torch.tensor([[1, 4], [0, 0]])"),
    ("nn.Embedding(5, 3, padding_idx=-1, max_norm=1., norm_type=1.)",           "torch.tensor([1, 4])"),
    ("nn.Embedding.from_pretrained(torch.ones(4, 2))",                          "torch.tensor([1, 3])"),
    ("nn.EmbeddingBag(5, 3)",                                                   "torch.tensor([[1, 4], [0, 0]])"),
    ("nn.EmbeddingBag(5, 3, mode='sum', padding_idx=1)",                        "torch.tensor([1, 4, 0]), torch.tensor([0, 2])"),
    ("nn.CosineSimilarity()",                                                   "torch.randn(3, 4), torch.randn(3, 4)"),
    ("nn.PairwiseDistance(keepdim=True)",                                       "torch.randn(3, 4), torch.randn(3, 4)"),
    ("nn.RNN(3, 4)",                                                            "torch.randn(5, 2, 3)"),
    ("nn.RNN(3, 4, 2, 'relu', batch_first=True, bidirectional=True)",           "torch.randn(2, 5, 3)"),
    ("nn.LSTM(3, 4, 2, dropout=0.5)",                                           "torch.randn(5, 2, 3)"),
    ("nn.LSTM(3, 4, bidirectional=True, proj_size=2, batch_first=True)",        "torch.randn(2, 5, 3)"),
    ("nn.LSTM(3, 4)",                                                           "torch.randn(5, 3), (torch.randn(1, 4), torch.randn(1, 4))"),
    ("nn.GRU(3, 4, bias=False)",                                                "torch.randn(5, 2, 3), torch.randn(1, 2, 4)"),
    ("nn.GRU(3, 4, batch_first=True)",                                          "torch.randn(5, 3)"),
    ("nn.RNNCell(3, 4)",                                                        "torch.randn(2, 3)"),
    ("nn.RNNCell(3, 4, nonlinearity='relu', bias=False)",                       "torch.randn(3), torch.randn(4)"),
    ("nn.LSTMCell(3, 4)",                                                       "torch.randn(2, 3)"),
    ("nn.LSTMCell(3, 4)",                                                       "torch.randn(3), (torch.randn(4), torch.randn(4))"),
    ("nn.GRUCell(3, 4)",                                                        "torch.randn(2, 3), torch.randn(2, 4)"),
    ("nn.MultiheadAttention(4, 2)",                                             "torch.randn(5, 2, 4), torch.randn(3, 2, 4), torch.randn(3, 2, 4)"),
    ("nn.MultiheadAttention(4, 2, 0.2, kdim=3, vdim=6, batch_first=True, add_bias_kv=True, add_zero_attn=True)",
     "torch.randn(2, 5, 4), torch.randn(2, 3, 3), torch.randn(2, 3, 6)"),
    ("nn.MultiheadAttention(4, 2, bias=False, kdim=3)",                         "torch.randn(5, 4), torch.randn(3, 3), torch.randn(3, 4)"),
    ("nn.TransformerEncoderLayer(4, 2, 8)",                                     "torch.randn(3, 2, 4)"),
    ("nn.TransformerEncoderLayer(4, 2, 8, 0.0, 'gelu', norm_first=True, batch_first=True, bias=False)", "torch.randn(2, 3, 4)"),
    ("nn.TransformerDecoderLayer(4, 2, 8, activation=torch.tanh)",              "torch.randn(3, 2, 4), torch.randn(5, 2, 4)"),
    ("nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8, batch_first=True), 2)", "torch.randn(2, 3, 4)"),
    ("nn.TransformerDecoder(nn.TransformerDecoderLayer(4, 2, 8, norm_first=True), 2, nn.LayerNorm(4))", "torch.randn(3, 2, 4), torch.randn(5, 2, 4)"),
    ("nn.Transformer(4, 2, 1, 2, 8, batch_first=True)",                         "torch.randn(2, 3, 4), torch.randn(2, 5, 4)"),
    ("nn.AdaptiveLogSoftmaxWithLoss(8, 20, [5, 10], div_value=2., head_bias=True)", "torch.randn(6, 8), torch.tensor([0, 4, 5, 9, 10, 19])"),
    ("nn.ModuleList([nn.Linear(1, 1), nn.Linear(1, 1), nn.ReLU(), nn.ReLU(), nn.ModuleList()])", None),
    ("nn.ModuleDict({'b': nn.Linear(2, 1), 'a': nn.ModuleDict()})",             None),
    ("nn.ParameterList([1, torch.ones(1), nn.Parameter(torch.ones(2, 3)), 'a'])", None),
    ("nn.ParameterList([torch.ones(2)])",                                       None),
    ("nn.ParameterDict({'b': torch.ones(1), 'a': 1, 'c': nn.Parameter(torch.tensor(1.))})", None),
    ("nn.Module()",                                                             None),
]

TARGETS = {"N": "torch.tensor([1, 0, 3])", "sign": "torch.tensor([1., -1., 1.])"}
LOSSES = [
    *[(f"nn.{name}", "torch.randn(3, 4)", "torch.randn(3, 4)") for name in (
        "L1Loss()", "MSELoss()", "MSELoss(reduction='none')", "SmoothL1Loss(beta=0.5)", "HuberLoss('sum', 0.3)", "PoissonNLLLoss()",
        "KLDivLoss(reduction='batchmean', log_target=True)")],
    *[(f"nn.{name}", "torch.randn(3, 4)", TARGETS["N"]) for name in (
        "CrossEntropyLoss()", "CrossEntropyLoss(torch.arange(4.), ignore_index=0, label_smoothing=0.1)", "NLLLoss()", "NLLLoss(torch.ones(4))",
        "MultiMarginLoss()", "MultiMarginLoss(2, 0.5, torch.ones(4), reduction='sum')")],
    ("nn.CrossEntropyLoss()",                       "torch.randn(3, 4)",                            "torch.softmax(torch.randn(3, 4), 1)"),
    ("nn.BCELoss()",                                "torch.rand(3, 4)",                             "torch.rand(3, 4)"),
    ("nn.BCEWithLogitsLoss(pos_weight=torch.ones(4))", "torch.randn(3, 4)",                         "torch.rand(3, 4)"),
    ("nn.GaussianNLLLoss(full=True)",               "torch.randn(3, 4)",                            "torch.randn(3, 4), torch.rand(3, 4)"),
    ("nn.HingeEmbeddingLoss()",                     "torch.randn(3)",                               TARGETS["sign"]),
    ("nn.SoftMarginLoss()",                         "torch.randn(3)",                               TARGETS["sign"]),
    ("nn.MultiLabelMarginLoss()",                   "torch.randn(1, 4)",                            "torch.tensor([[3, 0, -1, 1]])"),
    ("nn.MultiLabelSoftMarginLoss()",               "torch.randn(3, 4)",                            "torch.ones(3, 4)"),
    ("nn.CosineEmbeddingLoss(0.1)",                 "torch.randn(3, 4), torch.randn(3, 4)",         TARGETS["sign"]),
    ("nn.MarginRankingLoss(0.1)",                   "torch.randn(3), torch.randn(3)",               TARGETS["sign"]),
    ("nn.TripletMarginLoss(swap=True)",             "torch.randn(3, 4), torch.randn(3, 4)",         "torch.randn(3, 4)"),
    ("nn.TripletMarginWithDistanceLoss(margin=2.)", "torch.randn(3, 4), torch.randn(3, 4)",         "torch.randn(3, 4)"),
    ("nn.CTCLoss()",                                "torch.randn(6, 2, 5).log_softmax(2)",          "torch.tensor([[1, 2], [3, 4]]), (6, 5), (2, 1)"),
    ("nn.LinearCrossEntropyLoss(4, 5, bias=True)",  "torch.randn(3, 4)",                            TARGETS["N"]),
    ("nn.LinearCrossEntropyLoss(4, 5, out_features=(2,), weight=torch.ones(5))", "torch.randn(2, 4)", "torch.tensor([[0, 1], [2, 3]])"),
]

INIT = [
    "init.uniform_(t)", "init.uniform_(t, -2, 3)", "init.normal_(t, 1, 2)", "init.trunc_normal_(t)", "init.trunc_normal_(t, std=0.02)",
    "init.trunc_normal_(t, 0., 1., 1.5, 4.)", "init.trunc_normal_(t, 0., 1., 3., 4.)", "init.constant_(t, 0.3)", "init.ones_(t)", "init.zeros_(t)",
    "init.eye_(t)", "init.dirac_(torch.empty(4, 2, 3))", "init.dirac_(torch.empty(4, 2, 3, 3), 2)", "init.dirac_(torch.empty(6, 2, 3, 4, 5), 3)",
    "init.xavier_uniform_(t)", "init.xavier_uniform_(t, gain=2.)", "init.xavier_normal_(t)", "init.kaiming_uniform_(t)",
    "init.kaiming_uniform_(t, a=0.2, mode='fan_out')", "init.kaiming_normal_(t, nonlinearity='relu')",
    "init.kaiming_normal_(torch.empty(4, 2, 3, 3))",
    "init.sparse_(t, 0.3)", "init.xavier_uniform(t)", "init.kaiming_normal(t)", "init.orthogonal(torch.empty(1, 1))", "init.constant(t, 2)",
    "g = torch.Generator().manual_seed(3); init.uniform_(t, generator=g)",
    "g = torch.Generator().manual_seed(3); init.xavier_normal_(t, generator=g)",
    "g = torch.Generator().manual_seed(3); init.trunc_normal_(t, generator=g)",
    "g = torch.Generator().manual_seed(3); init.sparse_(t, 0.2, generator=g)",
    "p = nn.Parameter(torch.empty(3, 3)); (init.uniform_(p) is p, p)", "init.uniform_(torch.empty(0, 3))", "init.kaiming_uniform_(torch.empty(0, 3))",
    "init.trunc_normal_(t, mean=9.)", "init.eye_(torch.empty(3))", "init.dirac_(t)", "init.dirac_(torch.empty(4, 2, 3), 3)",
    "init.xavier_uniform_(torch.empty(3))", "init.kaiming_uniform_(t, mode='foo')", "init.kaiming_uniform_(t, nonlinearity='foo')",
    "init.orthogonal_(torch.empty(3))", "init.sparse_(torch.empty(3), 0.1)", "init.calculate_gain('leaky_relu', 'a')",
    "init.calculate_gain('leaky_relu', True)",
    "[init.calculate_gain(n) for n in ('linear', 'conv2d', 'sigmoid', 'tanh', 'relu', 'leaky_relu', 'selu', 'conv_transpose3d')]",
    "init._calculate_fan_in_and_fan_out(torch.empty(3, 4, 5, 6))",
]

# What modules do and say, one program a row: the last part is what is compared.
PROGRAMS = [
    # registration
    "Early(nn.Parameter(torch.ones(1)))", "Early(nn.Linear(1, 1))", "Early(nn.Buffer(torch.ones(1)))", "Early(3)",
    "m = Bare.__new__(Bare); m.register_buffer('x', None)", "m = Bare.__new__(Bare); m.register_parameter('x', None)", "Bare.__new__(Bare).x",
    "Bare(3)", "Bare(x=3)", "Bare()(1)", "nn.Module()(1)", "Net().nope",
    *[f"m = nn.Linear(2, 3); m.{call}" for call in (
        "register_parameter('a.b', None)", "register_parameter('', None)", "register_parameter(1, None)", "register_parameter('forward', None)",
        "register_parameter('w', torch.ones(1))", "register_buffer('a.b', None)", "register_buffer('', None)", "register_buffer(1, None)",
        "register_buffer('forward', None)", "register_buffer('weight', None)", "register_buffer('w', 3)", "add_module('a.b', None)",
        "add_module('', None)",
        "add_module(1, None)", "add_module('forward', None)", "add_module('x', 3)", "add_module('weight', nn.Linear(1, 1))",
        "__setattr__('weight', torch.ones(1))", "__setattr__('weight', 3)", "__setattr__('weight', nn.Linear(1, 1))",
        "__setattr__('weight', nn.Buffer())",
        "__delattr__('nope')", "__setattr__('weight', None); (m, list(m.parameters()), m.weight)",
        "q = nn.ReLU(); m.q = 3", "q = nn.ReLU(); m.q = None; (m, m.q)", "register_buffer('q', torch.ones(1)); m.q = 3",
        "register_buffer('q', torch.ones(1)); m.q = None; m.state_dict()", "register_buffer('q', None); m.q = torch.ones(1); m.state_dict()",
        "register_buffer('q', torch.ones(1)); m.q = nn.Parameter(torch.ones(2)); (m.state_dict(), dict(m._buffers))",
        "q = torch.ones(1); m.q = nn.Parameter(torch.ones(2)); (m.state_dict(), m.q)", "q = nn.ReLU(); m.q = nn.Parameter(torch.ones(2)); (m, m.q)",
        "q = nn.Parameter(torch.ones(2)); m.q = nn.ReLU()", "q = 3; m.q = nn.ReLU(); (m, m.q)", "q = nn.ReLU(); m.q = nn.Buffer(torch.ones(1))",
        "q = 3; m.q = nn.Buffer(torch.ones(1))", "q = nn.Buffer(torch.ones(1)); m.q = nn.ReLU(); (m, m._buffers)",
        "q = nn.Buffer(torch.ones(1), persistent=False); m.q = torch.ones(2);"
        " (m.state_dict(), dict(m.named_buffers()), m._non_persistent_buffers_set)",
        "q = nn.Buffer(torch.ones(1), persistent=False); m.q = nn.Buffer(torch.ones(1)); m.state_dict()",
        "register_buffer('q', torch.ones(1), persistent=False); m.register_buffer('q', torch.ones(1)); m.state_dict()",
        "__delattr__('weight'); (list(m.state_dict()), hasattr(m, 'weight'))", "__delattr__('training'); m.training",
        "weight = m.weight; m.w2 = m.weight; [n for n, _ in m.named_parameters()]")],
    # the dictionaries themselves
    "m = nn.Linear(1, 1); m._parameters['z'] = 3; (m.z, m, list(m._parameters))", "m = nn.Linear(1, 1); del m._parameters['weight']; m.weight",
    "m = nn.Linear(1, 1); w = m._parameters.pop('weight'); m.weight = w * 2; (m.weight, list(m.state_dict()))",
    "m = nn.Linear(1, 1); m._parameters['weight'] = nn.Parameter(torch.ones(1, 1)); m(torch.ones(1, 1)) - m.bias",
    "m = nn.Linear(1, 1); m._modules['0'] = nn.ReLU(); (m, getattr(m, '0'))", "m = nn.Linear(1, 1); m._parameters = {}; m.weight",
    "m = nn.Linear(1, 1); m._parameters = {'weight': 5}; (m.weight, hasattr(m, 'bias'))", "m = Net(); m._modules.clear(); (m, hasattr(m, 'fc1'))",
    "m = Net(); m._buffers.update(mean=None); (m.mean, list(m.state_dict()))", "m = Net(); m._modules |= {'x': None}; (m.x, m)",
    "m = nn.Linear(1, 1); m.__dict__['weight'] = 3; (m.weight, tuple(m._parameters['weight'].shape))",
    "m = nn.Linear(1, 1); m.forward = lambda x: 5; m(1)", "m = nn.Linear(1, 1); m.forward = nn.ReLU(); m(torch.ones(1, 1))",
    "m = nn.Linear(1, 1); m._parameters.setdefault('q', 1); m._parameters.popitem()", "m = Bare(); m._buffers.popitem()",
    "m = nn.Linear(1, 1); c = copy.copy(m); c.weight = nn.Parameter(torch.ones(3)); (m.weight, c._parameters is m._parameters)",
    "m = Net(); c = copy.deepcopy(m); c.fc1.weight.data.zero_(); (m.fc1.weight, c.fc1.weight, c(torch.ones(2)))",
    "m = Net(); c = pickle.loads(pickle.dumps(m.fc1)); c._parameters['bias'] = None; (c.bias, c.weight, m.fc1.bias)",
    "m = nn.Linear(1, 1); m.__setstate__({'_parameters': {'z': 1}}); (m.z, hasattr(m, 'weight'))",
    "sorted(n for n in dir(Net()) if n in ('fc1', 'mean', '0'))",
    # walking
    "m = nn.Module(); m.a = nn.Linear(1, 1); m.b = m.a; m.c = None; ([n for n, _ in m.named_parameters()], [n for n, _ in m.named_children()],"
    " [n for n, _ in m.named_parameters(remove_duplicate=False)], [n for n, _ in m.named_modules(prefix='p', remove_duplicate=False)],"
    " list(m.state_dict()))",
    "[n for n, _ in Net().named_parameters('pre')], [n for n, _ in Net().named_buffers()], [n for n, _ in Net().named_parameters(recurse=False)]",
    "Net().get_submodule('fc1'), Net().get_parameter('fc1.bias'), Net().get_buffer('mean')", "Net().get_submodule('').training",
    *[f"Net().{call}" for call in (
        "get_submodule('x')", "get_submodule('x.y')", "get_submodule('mean')", "get_parameter('x')", "get_parameter('fc3.weight')",
        "get_parameter('mean')", "get_buffer('fc1.weight')", "get_buffer('x')", "set_submodule('', nn.ReLU())", "set_submodule('x.y', nn.ReLU())",
        "set_submodule('fc1', 3)", "set_submodule('mean', nn.ReLU())", "set_submodule('z', nn.ReLU(), strict=True)", "train(3)",
        "requires_grad_('a')",
        "apply(3)", "get_extra_state()", "set_extra_state(1)")],
    "m = nn.Sequential(nn.Sequential(nn.Linear(1, 1))); m.set_submodule('0.0', nn.ReLU()); m.set_submodule('0.q', nn.ReLU()); m",
    "m = Net(); seen = []; r = m.apply(lambda x: seen.append(type(x).__name__)); (seen, r is m)", "Lines()",
    "m = Net(); m.eval(); a = [x.training for x in m.modules()]; m.train(); (a, m.fc1.training, m.requires_grad_(False).fc1.weight.requires_grad)",
    "m = Net(); m(torch.ones(2)).backward(); a = m.fc1.weight.grad; m.zero_grad(False); b = m.fc1.weight.grad.clone(); m.zero_grad();"
    " (b, m.fc1.weight.grad)",
    # placement
    *[f"m = nn.Linear(2, 3); m.to({args}); m.weight.dtype" for args in (
        "", "torch.float64", "'cpu', torch.float16", "torch.ones(1, dtype=torch.float64)", "dtype=torch.bfloat16, device=None", "torch.int32",
        "torch.complex64",
        "'cpu', 'cpu'", "'cpu', torch.float64, True, True", "foo=1", "[1]", "dtype='float'", "tensor=torch.ones(1, dtype=torch.float64)",
        "other=torch.ones(1)",
        "torch.float64, non_blocking=True")],
    "m = Net(); w = m.fc1.weight; m.double(); (w is m.fc1.weight, w, m.mean.dtype, m.half().mean.dtype, m.bfloat16().mean.dtype, m.float().mean)",
    "m = nn.BatchNorm1d(2); m.half(); (m.num_batches_tracked.dtype, m.running_mean.dtype, m.type(torch.float64).num_batches_tracked.dtype)",
    "m = Net(); m(torch.ones(2)).backward(); g = m.fc1.weight.grad; m.double(); (m.fc1.weight.grad.dtype, m.fc1.weight.grad is g)",
    "m = nn.Linear(2, 2); m.bias.requires_grad_(False); m.to('meta'); (m.weight.is_meta, type(m.bias).__name__, m.bias.requires_grad)",
    "nn.Linear(2, 2).to('meta').to('cpu')", "nn.Linear(2, 2).to_empty('cpu')",
    "m = nn.Linear(2, 2).to('meta'); m.to_empty(device='cpu'); m.weight.shape",
    # state
    "m = Net(); s = m.state_dict(); (s, s._metadata, type(s).__name__)", "Net().state_dict(prefix='p.', keep_vars=True)",
    "Net().state_dict({}, 'p.')",
    *[f"m = nn.Linear(2, 3); m.load_state_dict({state})" for state in (
        "3", "{}", "{'weight': torch.ones(1), 'bias': 3, 'x': torch.ones(1)}", "{'weight': torch.ones(3, 2), 'bias': torch.ones(2)}",
        "{'weight': torch.ones(3, 2), 'y.bias': torch.ones(2)}, strict=False", "{'weight': torch.ones(3, 2), 'bias': torch.ones(3)}, assign=True",
        "{'weight': torch.ones(3, 2), 'bias': torch.ones(3), '_extra_state': 1}",
        "{'weight': torch.ones(3, 2, dtype=torch.int64), 'bias': torch.ones(3)}, assign=True")],
    "m = nn.Linear(2, 3); r = m.load_state_dict({'weight': torch.ones(3, 2, dtype=torch.float64)}, strict=False, assign=True); (r, m.weight, m.bias)",
    "m = nn.Linear(2, 3); m.load_state_dict({'weight': torch.ones(3, 2, dtype=torch.int64), 'bias': torch.zeros(3)}); (m.weight, m.bias)",
    "m = Bare(); m.s = nn.Parameter(torch.tensor(1.)); m.load_state_dict({'s': torch.full((1,), 2.)}); m.s",
    "Net().load_state_dict({'fc1.weight': torch.ones(3, 2), 'fc1.bias': torch.ones(2), 'fc3.x': torch.ones(1), 'hidden': torch.ones(1)})",
    "m = nn.Sequential(Extra(), nn.Linear(1, 1)); s = m.state_dict(); r = m.load_state_dict(s); (s, m[0].extra)", "Extra().load_state_dict({})",
    "m = nn.Sequential(Extra(), nn.Linear(1, 1)); s = m.state_dict();"
    " s.update({'1.weight.x': 1, '2.q': 1, '1._extra_state': 1, '0._extra_state.z': 1});"
    " m.load_state_dict(s)",
    "nn.Linear(1, 1).to('meta').load_state_dict(nn.Linear(1, 1).state_dict())",
    "m = nn.Linear(1, 1).to('meta'); m.load_state_dict(nn.Linear(1, 1).state_dict(), assign=True); m.weight",
    "m = nn.BatchNorm1d(2); s = m.state_dict(); del s['num_batches_tracked']; m.load_state_dict(s)",
    "m = nn.BatchNorm1d(2); s = dict(m.state_dict()); del s['num_batches_tracked']; m.load_state_dict(s)",
    "nn.InstanceNorm2d(3).load_state_dict({'running_mean': torch.ones(3), 'running_var': torch.ones(3)})",
    "m = nn.Linear(2, 3); m.register_state_dict_post_hook(lambda m, s, p, d: s.update(x=(p, d))); m.state_dict()['x']",
    "m = nn.Linear(2, 3); m.register_state_dict_post_hook(lambda m, s, p, d: {}); m.state_dict()",
    "m = nn.Linear(2, 3); m._register_state_dict_hook(lambda m, s, p, d: {'x': 1}); (m.state_dict(), list(nn.Sequential(m).state_dict()))",
    "seen = []; m = nn.Linear(2, 3); m.register_state_dict_pre_hook(lambda *a: seen.append(a)); m.state_dict(keep_vars=True); seen",
    "seen = []; m = nn.Linear(2, 3); h = m.register_load_state_dict_pre_hook(lambda *a: seen.append(a[2:])); m.load_state_dict(m.state_dict()); seen",
    "seen = []; m = nn.Linear(2, 3); m._register_load_state_dict_pre_hook(lambda *a: seen.append(a[1:])); m.load_state_dict(m.state_dict()); seen",
    "m = nn.Linear(2, 3); m.register_load_state_dict_post_hook(lambda m, k: k.missing_keys.clear()); m.load_state_dict({'weight': torch.ones(3, 2)})",
    "m = nn.Linear(2, 3); m.register_load_state_dict_post_hook(lambda m, k: 3); m.load_state_dict(m.state_dict())",
    "a = nn.LazyLinear(3); a.load_state_dict(nn.Linear(2, 3).state_dict()); (a.weight, a(torch.ones(1, 2)), a)",
    "a = nn.LazyLinear(3); b = nn.LazyLinear(3); (a.load_state_dict(b.state_dict()), str(list(a.parameters())), copy.deepcopy(a))",
    "nn.Linear(2, 3).load_state_dict(nn.LazyLinear(3).state_dict())", "nn.LazyLinear(3).weight.shape", "nn.LazyLinear(3).share_memory()",
    # hooks
    "seen = []; m = nn.ReLU(); x = torch.ones(2); m.register_forward_hook(lambda *a: seen.append(a[1:]));"
    " h = m.register_forward_pre_hook(lambda m, a: seen.append(a));"
    " m(x); h.remove(); m(x); seen",
    "m = nn.ReLU(); m.register_forward_pre_hook(lambda m, a: a[0] + 1); m.register_forward_hook(lambda m, a, o: o * 10); m(torch.ones(2))",
    "m = Two(); m.register_forward_pre_hook(lambda m, a, k: (a, {'b': k['b'] * 3}), with_kwargs=True); m(torch.ones(2), b=torch.ones(2))",
    "m = Two(); m.register_forward_hook(lambda m, a, k, o: sorted(k), with_kwargs=True); m(torch.ones(2), b=torch.ones(2))",
    "m = nn.ReLU(); m.register_forward_pre_hook(lambda m, a, k: 3, with_kwargs=True); m(1)",
    "seen = []; m = nn.ReLU(); m.register_forward_hook(lambda m, a, o: seen.append(1));"
    " m.register_forward_hook(lambda m, a, o: seen.append(2), prepend=True);"
    " g = nn.modules.module.register_module_forward_hook(lambda m, a, o: seen.append(0)); m(torch.ones(1)); g.remove(); m(torch.ones(1)); seen",
    "seen = []; g = nn.modules.module.register_module_forward_pre_hook(lambda m, a: seen.append(type(m).__name__)); Net()(torch.ones(2));"
    " g.remove(); seen",
    "seen = []; m = Bare(); m.register_forward_hook(lambda m, a, o: seen.append(o), always_call=True); m(3)",
    "m = Bare(); m.register_forward_hook(lambda m, a, o: 1 / 0, always_call=True); m(3)",
    "seen = []; m = Bare(); m.register_forward_hook(lambda m, a, o: seen.append((a, o)), always_call=True);"
    " call = lambda: m(3); exec('try: call()\\nexcept NotImplementedError: pass'); seen",
    "g = nn.modules.module.register_module_parameter_registration_hook(lambda m, n, p: nn.Parameter(p * 0)); m = nn.Linear(1, 1); g.remove(); m.bias",
    "seen = []; g = nn.modules.module.register_module_module_registration_hook(lambda m, n, c: seen.append(n)); Net(); g.remove(); seen",
    "seen = []; g = nn.modules.module.register_module_buffer_registration_hook(lambda m, n, c: seen.append(n)); Net(); g.remove(); seen",
    *[f"seen = []; x = torch.ones(2, 2).requires_grad_(); m = {module};"
      f" m.register_full_backward_hook(lambda m, i, o: (seen.append((i, o)), {ret})[1]);"
      f" m.register_full_backward_pre_hook(lambda m, o: (seen.append(o), {pre})[1]); r = m({args}); t = r if isinstance(r, torch.Tensor) else r[0];"
      " t.sum().backward(); (seen, x.grad)" for module, args, ret, pre in (
          ("nn.ReLU()", "x", None, None), ("Two()", "x, x", None, None), ("Two()", "x, 3", None, None), ("Two()", "x, torch.ones(2, 2)", None, None),
          ("nn.Linear(2, 2)", "torch.ones(1, 2)", None, None), ("nn.Linear(2, 2)", "torch.ones(1, 2)", "(x,)", None), ("nn.ReLU()", "x",
          "(i[0] * 5,)", None),
          ("nn.ReLU()", "x", "[i[0] * 5]", None), ("nn.ReLU()", "x", "(i[0], i[0])", None), ("nn.ReLU()", "x", None, "(o[0] * 7,)"),
          ("nn.ReLU()", "x", None, "(o[0], o[0])"), ("Two()", "x, x", "(i[0] * 2, i[1] * 3)", None), ("nn.ReLU()", "x", None, "(None,)"))],
    "m = nn.ReLU(); m.register_full_backward_hook(print); m.register_backward_hook(print)", "m = nn.ReLU(); m.register_backward_hook(print);"
    " m.register_full_backward_hook(print)",
    "seen = []; m = nn.Tanh(); m.register_full_backward_hook(lambda m, i, o: seen.append(i[0].clone())); x = torch.ones(2).requires_grad_();"
    " y = m(x).sum();"
    " y.backward(retain_graph=True); y.backward(); (seen, x.grad)",
    "seen = []; m = nn.Tanh(); m.register_backward_hook(lambda m, i, o: seen.append((i, o))); x = torch.ones(2).requires_grad_();"
    " m(x * 2).sum().backward(); seen",
    # parameters
    "p = nn.Parameter(torch.ones(2)); p.foo = 1; (p, copy.deepcopy(p), hasattr(copy.deepcopy(p), 'foo'), pickle.loads(pickle.dumps(p)).foo)",
    "p = nn.Parameter(torch.ones(2), False); (p, type(p * 2).__name__, type(p.detach()).__name__, isinstance(p.detach(), nn.Parameter))",
    "nn.Parameter()", "nn.Parameter(torch.ones(2, dtype=torch.int64))", "nn.Parameter(torch.ones(2, dtype=torch.int64), requires_grad=False)",
    "b = nn.Buffer(torch.ones(2)); (b, type(b).__name__, b.persistent, isinstance(b, nn.Buffer), isinstance(torch.ones(1), nn.Buffer))",
    "t = torch.ones(2); p = nn.Parameter(t); t.add_(1); p",
    # containers
    *[f"s = nn.Sequential(nn.Linear(1, 1), nn.ReLU(), nn.Tanh()); {rest}" for rest in (
        "s[2]", "s[-3]", "s[3]", "s[-4]", "s['0']", "s[1.0]", "s[1:]", "s[::2]", "s.insert(4, nn.ReLU())", "s.insert(0, 3)", "s.insert(-1, nn.ELU())",
        "s.insert(1, nn.ELU())", "s + 3", "s * 'a'", "s * 0", "s * 2", "2 * s", "s + s", "s.append(nn.ELU())", "s.extend([nn.ELU(), nn.SELU()])",
        "s.extend(3)", "del s[0]; (s, list(s.state_dict()))", "del s[0:2]; s", "s.pop(1); s", "s[0] = nn.ELU(); s", "s[5] = nn.ELU()",
        "len(s), [str(m) for m in s]",
        "s += nn.Sequential(nn.ELU()); s", "s *= 2; s", "s += [nn.ELU()]")],
    "nn.Sequential(3)", "nn.Sequential(nn.Linear(1, 1), None)(torch.ones(1))", "nn.Container(a=nn.ReLU())",
    *[f"l = nn.ModuleList([nn.Linear(1, 1), nn.ReLU(), nn.Tanh()]); {rest}" for rest in (
        "l[-1]", "l[3]", "l[1:]", "l.append(3)", "l.append(nn.ELU())", "l.extend(3)", "l.extend([nn.ELU()])", "l.insert(1, nn.ELU()); l", "l(1)",
        "l[3] = nn.ReLU()",
        "l.pop(5)", "l.pop(0), l", "l + 3", "l + [nn.ELU()]", "del l[0]; (l, list(l.state_dict()))", "del l[1:]; l", "l[1] = nn.ELU(); l", "len(l)",
        "l += [nn.ELU()]; l")],
    "nn.ModuleList([3])", "nn.ModuleList(3)",
    *[f"d = nn.ModuleDict({{'a': nn.Linear(1, 1), 'b': nn.ReLU()}}); {rest}" for rest in (
        "d['c']", "d.pop('c')", "d.pop('b'), d", "d(1)", "del d['c']", "del d['a']; d",
        "list(d), len(d), 'a' in d, list(d.values()), list(d.items())[1]",
        "d.update({'b': nn.ELU(), 'c': nn.Tanh()}); d", "d.update([('z', nn.ELU())]); d", "d.clear(); d", "d.a, d.b", "d['x'] = None; d")],
    "nn.ModuleDict(3)", "nn.ModuleDict([1])", "nn.ModuleDict([(1, 2, 3)])", "nn.ModuleDict([(1, 2)])", "nn.ModuleDict({1: nn.ReLU()})",
    "nn.ModuleDict({'keys': nn.ReLU()})",
    *[f"l = nn.ParameterList([torch.ones(1), nn.Parameter(torch.ones(2))]); {rest}" for rest in (
        "l[-1]", "l[2]", "l[:1]", "l(2)", "l.extend(3)", "l += [torch.ones(3)]; (l, len(l))", "l[3] = 2", "l[0] = 2", "l[0] = torch.zeros(4); l",
        "l.append(5); (l, list(l))",
        "list(l.state_dict()), [tuple(p.shape) for p in l]", "copy.deepcopy(l)")],
    "nn.ParameterList(3)",
    *[f"d = nn.ParameterDict({{'a': torch.ones(1), 'b': 2}}); {rest}" for rest in (
        "d['c']", "d(2)", "d | {'c': 3}", "{'z': 1} | d", "d |= {'a': torch.zeros(2)}; d", "d.pop('a'), d", "d.popitem(), d", "d.setdefault('z'), d",
        "d.setdefault('y', torch.ones(1)), d", "d.get('n', 4), d.get('a')", "d.fromkeys(['x', 'y'], 1)", "d.copy()",
        "list(reversed(d)), len(d), 'a' in d",
        "d.update([('c', 2), ('a', 1)])", "d.update([('c', 2), ('b', 1)]); d", "d.clear(); d", "del d['b']; d", "d[1] = 2",
        "d.a, list(d.keys()), list(d.values()), list(d.items())")],
    "nn.ParameterDict(3)", "nn.ParameterDict([('a', 1), ('b',)])", "nn.ParameterDict([1])",
    # layers' errors and warnings
    *[f"nn.{call}" for call in (
        "Linear(0, 2).weight", "Bilinear(0, 1, 1)", "Conv2d(3, 4, 3, groups=2)", "Conv2d(4, 3, 3, groups=2)", "Conv2d(4, 3, 3, groups=0)",
        "Conv2d(4, 4, 3, padding='same', stride=2)", "ConvTranspose2d(4, 4, 3, padding_mode='reflect')",
        "ConvTranspose2d(4, 4, 3)(torch.ones(1, 4, 5, 5), output_size=(100, 100))",
        "ConvTranspose2d(4, 4, 3)(torch.ones(1, 4, 5, 5), output_size=(100,))",
        "ConvTranspose2d(4, 4, 3, stride=2)(torch.ones(1, 4, 5, 5), output_size=(12, 11)).shape",
        "ConvTranspose2d(4, 4, 3, stride=2)(torch.ones(1, 4, 5, 5), (1, 4, 12, 11)).shape", "LazyConv2d(3, 3)(torch.ones(1, 3))",
        "LazyConv2d(4, 3, groups=2)(torch.ones(1, 3, 4, 4))", "Dropout(2)", "Dropout(-1)", "BatchNorm1d(3)(torch.ones(3))",
        "BatchNorm2d(3)(torch.ones(3, 3))",
        "BatchNorm3d(3)(torch.ones(3, 3))", "BatchNorm1d(3)(torch.ones(1, 3))", "SyncBatchNorm(3)(torch.ones(3))", "InstanceNorm1d(3)(torch.ones(3))",
        "InstanceNorm2d(3)(torch.ones(3, 3))", "InstanceNorm2d(3)(torch.ones(1, 4, 3, 3))", "InstanceNorm2d(3, affine=True)(torch.ones(1, 4, 3, 3))",
        "InstanceNorm2d(3, affine=True)(torch.ones(4, 3, 3))", "LazyBatchNorm1d()(torch.ones(1, 2, 3, 4))", "GroupNorm(3, 4)",
        "CrossMapLRN2d(2)(torch.ones(2))",
        "Embedding(3, 4, padding_idx=5)", "Embedding(3, 4, padding_idx=-5)", "Embedding(3, 4, _weight=torch.ones(2, 2))",
        "Embedding.from_pretrained(torch.ones(2))", "Embedding.from_pretrained(torch.ones(2, 2), False).weight.requires_grad",
        "EmbeddingBag(3, 4, padding_idx=5)",
        "EmbeddingBag.from_pretrained(torch.ones(2))", "EmbeddingBag(3, 4, _weight=torch.ones(2, 2))",
        "RNN(2, 3, nonlinearity='foo')", "RNN(2, 3, dropout=0.5)", "RNN(2, 3, dropout=2)", "RNN(2, 3, dropout=True)", "RNN(2, 0)", "RNN(2, 3, 0)",
        "RNN('a', 3)",
        "RNN(2, 'a')", "RNN(2, 3, proj_size=2)", "GRU(2, 3, proj_size=2)", "LSTM(2, 3, proj_size=3)", "LSTM(2, 3, proj_size=-1)", "LSTM()", "LSTM(2)",
        "LSTM(2, 3)(torch.ones(4))", "LSTM(2, 3)(torch.ones(4, 1, 5))", "LSTM(2, 3)(torch.ones(4, 1, 2), (torch.ones(1, 1, 3), torch.ones(1, 2, 3)))",
        "LSTM(2, 3)(torch.ones(4, 1, 2), (torch.ones(1, 2, 3), torch.ones(1, 1, 3)))",
        "LSTM(2, 3)(torch.ones(4, 1, 2), (torch.ones(1, 3), torch.ones(1, 3)))",
        "LSTM(2, 3)(torch.ones(4, 2), (torch.ones(1, 1, 3), torch.ones(1, 3)))", "GRU(2, 3)(torch.ones(4, 2), torch.ones(1, 1, 3))",
        "GRU(2, 3)(torch.ones(4, 1, 2), torch.ones(1, 3))", "GRU(2, 3)(torch.ones(4, 1, 2), torch.ones(1, 2, 3))",
        "GRU(2, 3)(torch.ones(4, 1, 2, dtype=torch.float64))", "RNN(2, 3)(torch.ones(2))", "GRU(2, 3)(torch.ones(2))",
        "RNNCell(2, 3, nonlinearity='foo')(torch.ones(1, 2))", "RNNCell(2, 3)(torch.ones(1, 1, 2))",
        "RNNCell(2, 3)(torch.ones(1, 2), torch.ones(1, 1, 3))",
        "LSTMCell(2, 3)(torch.ones(1, 1, 2))", "LSTMCell(2, 3)(torch.ones(1, 2), (torch.ones(1, 3), torch.ones(1, 1, 1, 3)))",
        "GRUCell(2, 3)(torch.ones(1, 2), torch.ones(1, 1, 1, 3))", "LSTM(2, 3)._flat_weights_names, nn.LSTM(2, 3, 2).all_weights",
        "MultiheadAttention(4, 3)", "MultiheadAttention(0, 3)", "TransformerEncoder(nn.TransformerEncoderLayer(4, 2), 2).use_nested_tensor",
        "TransformerEncoder(nn.TransformerEncoderLayer(4, 2, batch_first=True, norm_first=True), 2).use_nested_tensor",
        "TransformerEncoder(nn.TransformerEncoderLayer(4, 2, batch_first=True, activation=torch.tanh), 2).use_nested_tensor",
        "TransformerEncoder(nn.TransformerEncoderLayer(3, 3, batch_first=True), 2).use_nested_tensor", "TransformerEncoder(nn.Linear(2, 2), 2)",
        "TransformerEncoder(nn.TransformerEncoderLayer(4, 2, batch_first=True, bias=False), 2).use_nested_tensor",
        "TransformerEncoderLayer(4, 2, activation='foo')", "TransformerDecoderLayer(4, 2, activation='foo')",
        "Transformer(4, 2, 1, 1, 8, batch_first=True)(torch.ones(2, 3, 4), torch.ones(3, 3, 4))",
        "Transformer(4, 2, 1, 1, 8, batch_first=True)(torch.ones(2, 3, 5), torch.ones(2, 3, 5))",
        "Transformer(4, 2, 1, 1, 8, batch_first=True)(torch.ones(2, 3, 4), torch.ones(3, 4))", "Transformer.generate_square_subsequent_mask(3)",
        "Unflatten(1, 3)", "Unflatten(1, (2, 'a'))", "Softmax2d()(torch.ones(2, 2))", "Hardtanh(1, -1)", "Hardtanh(min_value=-2, max_value=2)",
        "MSELoss(reduce=False)", "MSELoss(size_average=False)", "MSELoss(size_average=True, reduce=True)",
        "MSELoss(reduction='foo')(torch.ones(2), torch.ones(2))",
        "NLLLoss2d()", "MultiMarginLoss(p=3)", "MultiMarginLoss(weight=torch.ones(2, 2))", "TripletMarginLoss(margin=-1)",
        "TripletMarginWithDistanceLoss(margin=-1)", "AdaptiveLogSoftmaxWithLoss(4, 10, [])", "AdaptiveLogSoftmaxWithLoss(4, 10, [5, 3])",
        "AdaptiveLogSoftmaxWithLoss(4, 10, [5, 5])", "AdaptiveLogSoftmaxWithLoss(4, 10, [5, 10])",
        "AdaptiveLogSoftmaxWithLoss(4, 10, [2, 5], 2.)(torch.ones(2, 4), torch.tensor([1]))",
        "AdaptiveLogSoftmaxWithLoss(4, 10, [2, 5], 2.)(torch.ones(2, 4), torch.tensor([1, 11]))",
        "AdaptiveLogSoftmaxWithLoss(4, 10, [2, 5], 2.)(torch.ones(2, 4), torch.tensor([[1, 1]]))", "FractionalMaxPool2d(2)",
        "FractionalMaxPool2d(2, output_size=2, output_ratio=0.5)", "FractionalMaxPool2d(2, output_ratio=1.5)",
        "FractionalMaxPool3d(2, output_ratio=(0.5, 1.5, 1))", "CircularPad1d(1)(torch.ones(3))", "CircularPad3d(1)(torch.ones(3))", "LayerNorm(3, 4)",
        "utils.clip_grad_norm(nn.Linear(1, 1).parameters(), 1.)", "utils.clip_grad_norm_([], 1.)", "utils.clip_grad_norm_((p for p in []), 1.)",
        "modules.linear.Linear is nn.Linear, nn.parameter.Parameter is nn.Parameter, nn.modules.utils._pair(3)",
        "modules.container.Sequential is nn.Sequential",
        "SyncBatchNorm.convert_sync_batchnorm(nn.Sequential(nn.BatchNorm1d(2), nn.Sequential(nn.BatchNorm2d(3))))")],
    "nn.CrossMapLRN2d(3, 0.1)(torch.randn(2, 5, 1, 2))", "nn.CrossMapLRN2d(4, 0.1, 0.5, 2.)(torch.randn(2, 5, 1, 2))", "nn.CrossMapLRN2d(3)",
    "x = torch.randn(6, 8); m = nn.AdaptiveLogSoftmaxWithLoss(8, 20, [5, 10], 2.); (m.predict(x), m.log_prob(x).exp().sum(1).detach().round())",
    # gradients and vectors
    "p = nn.Parameter(torch.zeros(2)); p.grad = torch.tensor([3., 4.]); n = nn.utils.clip_grad_norm_(p, 1.); (n, p.grad)",
    "p = nn.Parameter(torch.zeros(2)); p.grad = torch.tensor([3., 4.]); n = nn.utils.clip_grad_norm_([p], 1., float('inf')); (n, p.grad)",
    "p = nn.Parameter(torch.zeros(2)); p.grad = torch.tensor([3., float('nan')]); nn.utils.clip_grad_norm_([p], 1., error_if_nonfinite=True)",
    "p = nn.Parameter(torch.zeros(2)); p.grad = torch.tensor([3., -4.]); nn.utils.clip_grad_value_([p], 3.5); p.grad",
    "nn.utils.get_total_norm([torch.ones(4), torch.ones(5)]), nn.utils.get_total_norm([])",
    "m = nn.Linear(2, 2); v = nn.utils.parameters_to_vector(m.parameters()); nn.utils.vector_to_parameters(v * 0 + 1, m.parameters());"
    " (v, m.weight, m.bias)",
    "nn.utils.vector_to_parameters([1], [])",
    # sequences
    *[f"s = [torch.arange(3.), torch.arange(1., 3.), torch.ones(1)]; {rest}" for rest in (
        "rnn.pad_sequence(s)", "rnn.pad_sequence(s, True, -1.)", "rnn.pad_sequence(s, padding_side='left')", "rnn.pad_sequence(s, padding_side='up')",
        "rnn.pad_sequence([])", "rnn.pad_sequence(3)", "rnn.pack_sequence(s)", "rnn.pack_sequence(s[::-1])",
        "rnn.pack_sequence(s[::-1], enforce_sorted=False)",
        "rnn.pad_packed_sequence(rnn.pack_sequence(s))", "rnn.pad_packed_sequence(rnn.pack_sequence(s[::-1], False), True, -2., 5)",
        "rnn.pad_packed_sequence(rnn.pack_sequence(s), total_length=2)", "rnn.unpack_sequence(rnn.pack_sequence(s))",
        "rnn.unpad_sequence(rnn.pad_sequence(s), torch.tensor([3, 2, 1]))", "rnn.pack_padded_sequence(rnn.pad_sequence(s), [3, 2, 1])",
        "rnn.pack_padded_sequence(rnn.pad_sequence(s), [3, 2])", "rnn.pack_padded_sequence(rnn.pad_sequence(s), [3, 2, 0])",
        "rnn.pack_padded_sequence(rnn.pad_sequence(s, True), torch.tensor([2, 3, 1]), True, False)",
        "rnn.invert_permutation(torch.tensor([2, 0, 1]))",
        "rnn.pack_sequence(s).double().data.dtype")],
    *[f"x = rnn.pack_sequence([torch.randn(2, 3), torch.randn(4, 3), torch.randn(3, 3)], False); m = nn.{cell}(3, 4, 2, bidirectional=True);"
      f" r, h = m(x);"
      " (rnn.pad_packed_sequence(r), h)" for cell in ("RNN", "LSTM", "GRU")],
]
