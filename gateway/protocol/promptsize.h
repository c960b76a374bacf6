// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/protocol/requestsize.h"

#include <QByteArray>

#include <simdjson.h>

#include <string_view>

namespace tidegate {

/// Estimates the size of a request of any of the data plane's endpoints, field by field.
///
/// On the stack of who reads the request; one use. Text counts a token for every four ASCII bytes
/// and for every three others, a message four on top. An image, a sound or a file counts
/// kAttachmentTokens whatever its size: bytes in base64 are not text.
class PromptSize
{
public:
    static constexpr qint64 kMessageTokens = 4;
    static constexpr qint64 kAttachmentTokens = 1600;

    /// Reads one member of the request's outermost object; @p value is used up. Members that hold
    /// neither text nor a bound are left alone.
    void add(std::string_view key, simdjson::ondemand::value value);
    [[nodiscard]] RequestSize result() const;

    /// Reads a whole body. What cannot be read to its end counts as text throughout.
    [[nodiscard]] static RequestSize of(const QByteArray &body);

private:
    void addPrompt(simdjson::ondemand::value value, bool isCompletion);
    void addMessages(simdjson::ondemand::value value);
    void addText(std::string_view text);
    void addContent(simdjson::ondemand::value value, int depth);
    void addMember(std::string_view key, simdjson::ondemand::value value, int depth);
    void addSource(simdjson::ondemand::value value);
    void addRaw(simdjson::ondemand::value value);

    qint64 m_asciiBytes = 0;
    qint64 m_otherBytes = 0;
    qint64 m_tokens = 0;
    qint64 m_prompts = 1;
    qint64 m_choices = 1;
    qint64 m_maxOutput = -1;
    bool m_broken = false;
};

} // namespace tidegate
