#include <cstring>
#include <unordered_map>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>
#include <oneapi/dnnl/dnnl.hpp>

#include <sluice/bench/onednn_layer.h>

// Of the OpenMP library that oneDNN runs on; its header belongs to the compiler, which may be
// another one.
extern "C" void omp_set_num_threads(int count);

namespace sluice {
namespace {

using dnnl::memory;
using Tag = memory::format_tag;
using Arguments = std::unordered_map<int, memory>;

memory::desc Desc(const memory::dims& sizes, Tag tag) {
  return {sizes, memory::data_type::f32, tag};
}

// Descriptions of all that goes in and out; nothing said about the weights' format.
struct Descs {
  Descs(LayerKind kind, const LayerSize& size)
      : x(Desc({size.steps, size.batch, size.inputs}, Tag::tnc)),
        state(Desc({1, 1, size.batch, size.hidden}, Tag::ldnc)),
        input_weights(Desc({1, 1, size.inputs, Gates(kind), size.hidden}, Tag::any)),
        recurrent_weights(Desc({1, 1, size.hidden, Gates(kind), size.hidden}, Tag::any)),
        biases(Desc({1, 1, BiasVectors(kind), size.hidden}, Tag::ldgo)),
        outputs(Desc({size.steps, size.batch, size.hidden}, Tag::tnc)) {}
  memory::desc x, state, input_weights, recurrent_weights, biases, outputs;
  memory::desc none;  // the state after the last step: nobody asks for it
};

constexpr auto kTraining = dnnl::prop_kind::forward_training;
constexpr auto kBackward = dnnl::prop_kind::backward;
constexpr auto kDirection = dnnl::rnn_direction::unidirectional_left2right;

dnnl::lstm_forward::desc Forward(const Descs& d, dnnl::lstm_forward* /*kind*/) {
  return {kTraining,           kDirection, d.x,       d.state, d.state, d.input_weights,
          d.recurrent_weights, d.biases,   d.outputs, d.none,  d.none};
}
dnnl::lstm_backward::desc Backward(const Descs& d, dnnl::lstm_backward* /*kind*/) {
  return {kBackward,
          kDirection,
          d.x,
          d.state,
          d.state,
          d.input_weights,
          d.recurrent_weights,
          d.biases,
          d.outputs,
          d.none,
          d.none,
          d.x,
          d.state,
          d.state,
          d.input_weights,
          d.recurrent_weights,
          d.biases,
          d.outputs,
          d.none,
          d.none};
}
template <typename Gru>
typename Gru::desc Forward(const Descs& d, Gru* /*kind*/) {
  return {kTraining,           kDirection, d.x,       d.state, d.input_weights,
          d.recurrent_weights, d.biases,   d.outputs, d.none};
}
template <typename Gru>
typename Gru::desc Backward(const Descs& d, Gru* /*kind*/) {
  return {kBackward, kDirection, d.x, d.state, d.input_weights, d.recurrent_weights, d.biases,
          d.outputs, d.none,     d.x, d.state, d.input_weights, d.recurrent_weights, d.biases,
          d.outputs, d.none};
}

}  // namespace

struct OneDnnLayer::State {
  State(LayerKind kind, const LayerSize& size, const LayerInputs& inputs, int thread_count)
      : threads(thread_count), is_lstm(kind == LayerKind::kLstm) {
    omp_set_num_threads(threads);
    results = {.outputs = Tensor(DType::kF32, inputs.output_gradient.shape()),
               .x = Tensor(DType::kF32, inputs.x.shape()),
               .h = Tensor(DType::kF32, inputs.h.shape()),
               .c = Tensor(DType::kF32, inputs.c.shape()),
               .input_weights = Tensor(DType::kF32, inputs.input_weights.shape()),
               .recurrent_weights = Tensor(DType::kF32, inputs.recurrent_weights.shape()),
               .biases = Tensor(DType::kF32, inputs.biases.shape())};
    const Descs descs(kind, size);
    switch (kind) {
      case LayerKind::kGru:
        Prepare<dnnl::lbr_gru_forward, dnnl::lbr_gru_backward>(descs, inputs);
        break;
      case LayerKind::kGruBefore:
        Prepare<dnnl::gru_forward, dnnl::gru_backward>(descs, inputs);
        break;
      case LayerKind::kLstm:
        Prepare<dnnl::lstm_forward, dnnl::lstm_backward>(descs, inputs);
        break;
    }
  }

  // A tensor's memory, in the plain format of `desc`.
  memory Wrap(const memory::desc& desc, const Tensor& tensor) {
    return {desc, engine, const_cast<void*>(tensor.raw())};
  }

  template <typename ForwardPrimitive, typename BackwardPrimitive>
  void Prepare(const Descs& d, const LayerInputs& inputs) {
    const typename ForwardPrimitive::primitive_desc forward_desc(
        Forward(d, static_cast<ForwardPrimitive*>(nullptr)), engine);
    const typename BackwardPrimitive::primitive_desc backward_desc(
        Backward(d, static_cast<BackwardPrimitive*>(nullptr)), engine, forward_desc);
    forward_arguments = {{DNNL_ARG_SRC_LAYER, Wrap(d.x, inputs.x)},
                         {DNNL_ARG_SRC_ITER, Wrap(d.state, inputs.h)},
                         {DNNL_ARG_BIAS, Wrap(d.biases, inputs.biases)},
                         {DNNL_ARG_DST_LAYER, Wrap(d.outputs, results.outputs)},
                         {DNNL_ARG_WORKSPACE, memory(forward_desc.workspace_desc(), engine)}};
    if (is_lstm) forward_arguments.emplace(DNNL_ARG_SRC_ITER_C, Wrap(d.state, inputs.c));
    backward_arguments = forward_arguments;
    AddWeights(forward_desc, inputs, forward_reorders, forward_arguments);
    AddWeights(backward_desc, inputs, backward_reorders, backward_arguments);
    AddGradients(d, backward_desc, inputs);
    forward = ForwardPrimitive(forward_desc);
    backward = BackwardPrimitive(backward_desc);
  }

  struct Reorder {
    Reorder(memory from_memory, memory to_memory)
        : from(std::move(from_memory)), to(std::move(to_memory)), primitive(from, to) {}
    memory from, to;
    dnnl::reorder primitive;
  };

  static memory::desc Plain(const memory::desc& desc) { return Desc(desc.dims(), Tag::ldigo); }

  template <typename PrimitiveDesc>
  void AddWeights(const PrimitiveDesc& desc, const LayerInputs& inputs,
                  std::vector<Reorder>& reorders, Arguments& arguments) {
    const auto add = [&](int argument, const memory::desc& wanted, const Tensor& tensor) {
      const memory plain = Wrap(Plain(wanted), tensor);
      if (wanted == plain.get_desc()) {
        arguments.emplace(argument, plain);
        return;
      }
      arguments.emplace(argument, reorders.emplace_back(plain, memory(wanted, engine)).to);
    };
    add(DNNL_ARG_WEIGHTS_LAYER, desc.weights_layer_desc(), inputs.input_weights);
    add(DNNL_ARG_WEIGHTS_ITER, desc.weights_iter_desc(), inputs.recurrent_weights);
  }

  template <typename PrimitiveDesc>
  void AddGradients(const Descs& d, const PrimitiveDesc& desc, const LayerInputs& inputs) {
    backward_arguments.emplace(DNNL_ARG_DIFF_DST_LAYER, Wrap(d.outputs, inputs.output_gradient));
    backward_arguments.emplace(DNNL_ARG_DIFF_SRC_LAYER, Wrap(d.x, results.x));
    backward_arguments.emplace(DNNL_ARG_DIFF_SRC_ITER, Wrap(d.state, results.h));
    if (is_lstm) {
      backward_arguments.emplace(DNNL_ARG_DIFF_SRC_ITER_C, Wrap(d.state, results.c));
    }
    // The primitive adds to these, so they start as zeros.
    const auto add = [&](int argument, const memory::desc& wanted, const memory& plain) {
      memory gradient = plain;
      if (wanted != plain.get_desc()) {
        gradient = memory(wanted, engine);
        gradient_reorders.emplace_back(gradient, plain);
      }
      backward_arguments.emplace(argument, gradient);
      accumulated.push_back(gradient);
    };
    add(DNNL_ARG_DIFF_WEIGHTS_LAYER, desc.diff_weights_layer_desc(),
        Wrap(Plain(desc.diff_weights_layer_desc()), results.input_weights));
    add(DNNL_ARG_DIFF_WEIGHTS_ITER, desc.diff_weights_iter_desc(),
        Wrap(Plain(desc.diff_weights_iter_desc()), results.recurrent_weights));
    add(DNNL_ARG_DIFF_BIAS, desc.diff_bias_desc(), Wrap(d.biases, results.biases));
  }

  void Run(std::vector<Reorder>& reorders) {
    for (Reorder& reorder : reorders) reorder.primitive.execute(stream, reorder.from, reorder.to);
  }

  int threads;
  bool is_lstm;
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
  LayerResults results;
  std::vector<Reorder> forward_reorders, backward_reorders, gradient_reorders;
  std::vector<memory> accumulated;
  Arguments forward_arguments, backward_arguments;
  dnnl::primitive forward, backward;
};

OneDnnLayer::OneDnnLayer(LayerKind kind, const LayerSize& size, const LayerInputs& inputs,
                         int threads)
    : state_(std::make_unique<State>(kind, size, inputs, threads)) {}
OneDnnLayer::~OneDnnLayer() = default;

absl::Status OneDnnLayer::Step() try {
  State& state = *state_;
  omp_set_num_threads(state.threads);
  state.Run(state.forward_reorders);
  state.forward.execute(state.stream, state.forward_arguments);
  state.Run(state.backward_reorders);
  for (const memory& gradient : state.accumulated) {
    std::memset(gradient.get_data_handle(), 0, gradient.get_desc().get_size());
  }
  state.backward.execute(state.stream, state.backward_arguments);
  state.Run(state.gradient_reorders);
  state.stream.wait();
  return absl::OkStatus();
} catch (const dnnl::error& error) {
  return absl::InternalError(absl::StrCat("oneDNN: ", error.what()));
}

LayerResults OneDnnLayer::Results() const { return state_->results; }

}  // namespace sluice
