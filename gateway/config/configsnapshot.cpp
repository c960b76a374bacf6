// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/config/configsnapshot.h"

#include <algorithm>
#include <array>

using namespace Qt::StringLiterals;

namespace tidegate {

namespace {

struct NamedType
{
    BackendType type;
    const char *name;
};

constexpr std::array kTypes{
    NamedType{BackendType::OpenAI, "openai"},
    NamedType{BackendType::Anthropic, "anthropic"},
    NamedType{BackendType::Gemini, "gemini"},
    NamedType{BackendType::Azure, "azure"},
    NamedType{BackendType::Ollama, "ollama"},
    NamedType{BackendType::VLlm, "vllm"},
    NamedType{BackendType::LlamaCpp, "llamacpp"},
    NamedType{BackendType::Tgi, "tgi"},
    NamedType{BackendType::SgLang, "sglang"},
    NamedType{BackendType::LmStudio, "lmstudio"},
    NamedType{BackendType::Groq, "groq"},
    NamedType{BackendType::Mistral, "mistral"},
    NamedType{BackendType::OpenRouter, "openrouter"},
    NamedType{BackendType::Local, "local"},
    NamedType{BackendType::Modal, "modal"},
    NamedType{BackendType::Echo, "echo"},
    NamedType{BackendType::Noop, "noop"},
};

} // namespace

QByteArray backendTypeName(BackendType type)
{
    for (const NamedType &known : kTypes) {
        if (known.type == type) {
            return known.name;
        }
    }
    return {};
}

std::optional<BackendType> backendTypeFromName(QByteArrayView name)
{
    for (const NamedType &known : kTypes) {
        if (name == QByteArrayView(known.name)) {
            return known.type;
        }
    }
    return std::nullopt;
}

QStringList backendTypeNames()
{
    QStringList names;
    for (const NamedType &known : kTypes) {
        names.append(QString::fromLatin1(known.name));
    }
    return names;
}

bool isActiveBackendType(BackendType type)
{
    return type != BackendType::Anthropic && type != BackendType::Gemini &&
           type != BackendType::Azure;
}

const Limits *RateLimits::forModel(std::string_view model) const
{
    const auto it = std::find_if(perModel.cbegin(), perModel.cend(), [model](const auto &entry) {
        return entry.pattern.matches(model);
    });
    return it == perModel.cend() ? nullptr : &it->limits;
}

QString ConfigProblem::toString() const
{
    QString text;
    if (!file.isEmpty()) {
        text += file;
        if (line > 0) {
            text += u':' + QString::number(line);
        }
        text += u": "_s;
    }
    if (!key.isEmpty()) {
        text += key + u": "_s;
    }
    return text + message;
}

} // namespace tidegate
