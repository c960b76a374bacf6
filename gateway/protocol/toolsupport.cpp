// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/protocol/toolsupport.h"

#include "gateway/base/glob.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace tidegate {

namespace {

constexpr std::string_view kNone = "none";
constexpr std::string_view kNative = "native";

// These answer for many models and judge by themselves what each can do.
constexpr std::string_view kHostedTypes[] = {"openai",  "anthropic",  "gemini", "azure", "groq",
                                             "mistral", "openrouter", "echo",   "noop"};

// The first pattern that matches counts, so an exception stands before its family. Names of parsers
// are those of vLLM where it has one.
constexpr ToolFamily kFamilies[] = {
    // No chat models at all.
    {"*embed*", kNone},
    {"*rerank*", kNone},
    {"bge-*", kNone},
    {"e5-*", kNone},
    {"gte-*", kNone},
    {"all-minilm*", kNone},
    {"whisper*", kNone},
    {"*-guard*", kNone},
    {"*guard-*", kNone},
    {"shieldgemma*", kNone},

    // Trained for tools on top of a family that is not.
    {"*functionary*", "functionary"},
    {"functiongemma*", "functiongemma"},
    {"*hermes-2*", "hermes"},
    {"*hermes-3*", "hermes"},
    {"*hermes-4*", "hermes"},
    {"*hermes3*", "hermes"},
    {"*xlam*", "xlam"},
    {"*toolace*", "pythonic"},
    {"*groq-tool-use*", "hermes"},

    {"qwen3-coder*", "qwen"},
    {"qwen3*", "hermes"},
    {"qwen2.5*", "hermes"},
    {"qwen-2.5*", "hermes"},
    {"qwen2-*", "hermes"},
    {"qwq*", "hermes"},
    {"qwen1.5*", kNone},
    {"qwen-*", kNone},

    {"llama-4*", "llama4_pythonic"},
    {"llama4*", "llama4_pythonic"},
    {"llama-3.1*", "llama3_json"},
    {"llama-3.2*", "llama3_json"},
    {"llama-3.3*", "llama3_json"},
    {"llama3.1*", "llama3_json"},
    {"llama3.2*", "llama3_json"},
    {"llama3.3*", "llama3_json"},
    {"meta-llama-3.1*", "llama3_json"},
    {"meta-llama-3-*", kNone},
    {"llama-3-*", kNone},
    {"llama3", kNone},
    {"llama3:*", kNone},
    {"llama-2*", kNone},
    {"llama2*", kNone},
    {"codellama*", kNone},
    {"tinyllama*", kNone},

    {"mistral-7b-*v0.1*", kNone},
    {"mistral-7b-*v0.2*", kNone},
    {"mixtral-8x7b*", kNone},
    {"mistral*", "mistral"},
    {"ministral*", "mistral"},
    {"mixtral-8x22b*", "mistral"},
    {"codestral-22b*", kNone},
    {"codestral*", "mistral"},
    {"devstral*", "mistral"},
    {"magistral*", "mistral"},
    {"pixtral*", "mistral"},

    {"deepseek-v3.1*", "deepseek_v31"},
    {"deepseek-v3*", "deepseek_v3"},
    {"deepseek-r1-0528*", "deepseek_v3"},
    {"deepseek-coder*", kNone},
    {"deepseek-llm*", kNone},

    {"gpt-oss*", "openai"},
    {"granite-3*", "granite"},
    {"granite3*", "granite"},
    {"granite-4*", "hermes"},
    {"granite4*", "hermes"},
    {"internlm2.5*", "internlm"},
    {"internlm3*", "internlm"},
    {"*jamba*", "jamba"},
    {"glm-4.5*", "glm45"},
    {"glm-4.6*", "glm45"},
    {"kimi-k2*", "kimi_k2"},
    {"minimax-m*", "minimax"},
    {"hunyuan-a13b*", "hunyuan_a13b"},
    {"command-r*", "command_r"},
    {"phi-4-mini*", "phi4_mini_json"},
    {"phi4-mini*", "phi4_mini_json"},
    {"olmo-3*", "olmo3"},
    {"smollm3*", "hermes"},
    {"seed-oss*", "seed_oss"},

    {"gemma-2*", kNone},
    {"gemma2*", kNone},
    {"gemma-7b*", kNone},
    {"gemma:*", kNone},
    {"codegemma*", kNone},
    {"phi-1*", kNone},
    {"phi-2*", kNone},
    {"phi-3*", kNone},
    {"phi3*", kNone},
    {"falcon-7b*", kNone},
    {"falcon-40b*", kNone},
    {"gpt2*", kNone},
    {"opt-*", kNone},
    {"bloom*", kNone},
    {"pythia*", kNone},
    {"stablelm*", kNone},
    {"starcoder*", kNone},
    {"vicuna*", kNone},
    {"zephyr*", kNone},
    {"openchat*", kNone},
    {"orca-mini*", kNone},
    {"llava*", kNone},
    {"smollm-*", kNone},
    {"smollm2*", kNone},
};

std::string lowered(std::string_view text)
{
    std::string result(text);
    std::transform(result.begin(), result.end(), result.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
    return result;
}

const std::vector<Glob> &patterns()
{
    static const std::vector<Glob> globs = [] {
        std::vector<Glob> made;
        made.reserve(std::size(kFamilies));
        for (const ToolFamily &family : kFamilies) {
            made.emplace_back(QByteArray(family.pattern.data(), qsizetype(family.pattern.size())));
        }
        return made;
    }();
    return globs;
}

} // namespace

std::string_view toolCallParser(std::string_view backendType, std::string_view model,
                                std::string_view configured)
{
    if (!configured.empty()) {
        return configured;
    }
    if (std::find(std::begin(kHostedTypes), std::end(kHostedTypes), backendType) !=
        std::end(kHostedTypes)) {
        return kNative;
    }
    // "Qwen/Qwen2.5-7B-Instruct", "hf.co/…/model", "/models/qwen2.5.gguf": the last part names it.
    const size_t slash = model.rfind('/');
    const std::string name =
        lowered(slash == std::string_view::npos ? model : model.substr(slash + 1));
    const auto &globs = patterns();
    const auto found = std::find_if(globs.cbegin(), globs.cend(), [&name](const Glob &glob) {
        // Most lines are told apart by their first letter.
        const char first = glob.pattern().front();
        return (first == '*' || name.starts_with(first)) && glob.matches(name);
    });
    return found == globs.cend() ? std::string_view()
                                 : kFamilies[size_t(found - globs.cbegin())].parser;
}

bool supportsTools(std::string_view backendType, std::string_view model,
                   std::string_view configured)
{
    return toolCallParser(backendType, model, configured) != kNone;
}

std::span<const ToolFamily> toolFamilies()
{
    return kFamilies;
}

} // namespace tidegate
