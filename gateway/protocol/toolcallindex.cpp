// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/protocol/toolcallindex.h"

#include "gateway/protocol/jsonreader.h"
#include "gateway/protocol/ssesplitter.h"

#include <algorithm>
#include <functional>

namespace tidegate {

using namespace simdjson;

namespace {

constexpr qint64 kNoIndex = -1;

quint64 hashOf(std::string_view text)
{
    // Never 0, which stands for no text.
    return text.empty() ? 0 : quint64(std::hash<std::string_view>()(text)) | 1;
}

// Most events carry no tool call. Looking for the underscore, which is rare in text, is several
// times faster than for the quote.
bool mentionsToolCalls(std::string_view raw)
{
    constexpr std::string_view kName = R"("tool_calls")";
    constexpr size_t kUnderscore = 5;
    for (size_t at = raw.find('_', kUnderscore); at != std::string_view::npos;
         at = raw.find('_', at + 1)) {
        if (raw.compare(at - kUnderscore, kName.size(), kName) == 0) {
            return true;
        }
    }
    return false;
}

// One entry of a delta's tool_calls, with places as offsets in the event.
struct Fragment
{
    qint64 choice = 0;
    qint64 index = kNoIndex;
    quint64 idHash = 0;
    quint64 nameHash = 0;
    size_t numberAt = 0; ///< of the index; without one, right behind the opening brace
    size_t numberLength = 0;
    bool editable = true; ///< the index is a number, or there is none
};

class FragmentReader
{
public:
    FragmentReader(std::string_view json, size_t jsonAt, std::vector<Fragment> &fragments)
        : m_json(json)
        , m_jsonAt(jsonAt)
        , m_fragments(fragments)
    {
    }

    bool read()
    {
        ondemand::document document;
        ondemand::object object;
        std::string_view whole;
        const size_t leading = m_json.find('{');
        if (leading == std::string_view::npos || JsonReader::read(m_json, document) != SUCCESS ||
            document.get_object().get(object) != SUCCESS ||
            object.raw_json().get(whole) != SUCCESS || object.reset().error() != SUCCESS) {
            return false;
        }
        // The text was copied to padded memory: offsets are what holds for both.
        m_start = whole.data() - leading;
        ondemand::array choices;
        if (object["choices"].get_array().get(choices) != SUCCESS) {
            return false;
        }
        qint64 position = 0;
        for (auto element : choices) {
            ondemand::object choice;
            if (element.get_object().get(choice) != SUCCESS || !readChoice(choice, position)) {
                return false;
            }
            ++position;
        }
        return true;
    }

private:
    [[nodiscard]] size_t offsetOf(const char *place) const
    {
        return m_jsonAt + size_t(place - m_start);
    }

    bool readChoice(ondemand::object choice, qint64 position)
    {
        const size_t first = m_fragments.size();
        int64_t index = position;
        for (auto fieldResult : choice) {
            ondemand::field field;
            std::string_view key;
            if (std::move(fieldResult).get(field) != SUCCESS ||
                JsonReader::keyOf(field).get(key) != SUCCESS) {
                return false;
            }
            if (key == "index") {
                if (field.value().get_int64().get(index) != SUCCESS) {
                    return false;
                }
            } else if (key == "delta") {
                ondemand::object delta;
                ondemand::array calls;
                ondemand::value list;
                if (field.value().get_object().get(delta) == SUCCESS &&
                    delta["tool_calls"].get(list) == SUCCESS &&
                    list.get_array().get(calls) == SUCCESS && !readCalls(calls)) {
                    return false;
                }
            }
        }
        for (size_t i = first; i < m_fragments.size(); ++i) {
            m_fragments[i].choice = index;
        }
        return true;
    }

    bool readCalls(ondemand::array calls)
    {
        for (auto element : calls) {
            ondemand::value value;
            ondemand::object call;
            if (element.get(value) != SUCCESS) {
                return false;
            }
            Fragment fragment;
            fragment.numberAt = offsetOf(value.raw_json_token().data()) + 1;
            if (value.get_object().get(call) != SUCCESS || !readCall(call, fragment)) {
                return false;
            }
            m_fragments.push_back(fragment);
        }
        return true;
    }

    bool readCall(ondemand::object call, Fragment &fragment) const
    {
        for (auto fieldResult : call) {
            ondemand::field field;
            std::string_view key;
            if (std::move(fieldResult).get(field) != SUCCESS ||
                JsonReader::keyOf(field).get(key) != SUCCESS) {
                return false;
            }
            ondemand::value value = field.value();
            std::string_view text;
            if (key == "index") {
                std::string_view token = value.raw_json_token();
                token = token.substr(0, token.find_first_not_of("0123456789"));
                int64_t index = 0;
                fragment.editable = value.get_int64().get(index) == SUCCESS && index >= 0;
                fragment.index = fragment.editable ? index : kNoIndex;
                fragment.numberAt = offsetOf(token.data());
                fragment.numberLength = token.size();
            } else if (key == "id" && value.get_string().get(text) == SUCCESS) {
                fragment.idHash = hashOf(text);
            } else if (key == "function" || key == "custom") {
                ondemand::object function;
                if (value.get_object().get(function) == SUCCESS &&
                    function["name"].get_string().get(text) == SUCCESS) {
                    fragment.nameHash = hashOf(text);
                }
            }
        }
        return true;
    }

    std::string_view m_json;
    size_t m_jsonAt;
    const char *m_start = nullptr;
    std::vector<Fragment> &m_fragments;
};

} // namespace

bool ToolCallIndex::repair(std::string_view raw, QByteArray &repaired)
{
    if (!mentionsToolCalls(raw)) {
        return false;
    }
    QByteArray scratch;
    const std::string_view json = SseSplitter::data(raw, scratch);
    if (json.empty() || !scratch.isEmpty()) {
        return false;
    }
    std::vector<Fragment> fragments;
    if (!FragmentReader(json, size_t(json.data() - raw.data()), fragments).read()) {
        return false;
    }
    size_t copied = 0;
    bool changed = false;
    for (const Fragment &fragment : fragments) {
        if (!fragment.editable) {
            continue;
        }
        const qint64 index =
            indexFor({fragment.choice, fragment.index, 0, fragment.idHash, fragment.nameHash});
        if (index == fragment.index) {
            continue;
        }
        if (!changed) {
            repaired.resize(0);
            changed = true;
        }
        repaired.append(raw.data() + copied, qsizetype(fragment.numberAt - copied));
        if (fragment.index == kNoIndex) {
            repaired.append("\"index\":" + QByteArray::number(index) + ',');
        } else {
            repaired.append(QByteArray::number(index));
        }
        copied = fragment.numberAt + fragment.numberLength;
    }
    if (changed) {
        repaired.append(raw.data() + copied, qsizetype(raw.size() - copied));
    }
    return changed;
}

// The index that the client shall see for the fragment of a call.
qint64 ToolCallIndex::indexFor(const Call &seen)
{
    auto known = m_calls.end();
    qint64 largest = kNoIndex;
    bool taken = false;
    for (auto call = m_calls.begin(); call != m_calls.end(); ++call) {
        if (call->choice != seen.choice) {
            continue;
        }
        largest = std::max(largest, call->index);
        taken = taken || call->index == seen.upstreamIndex;
        // Later ones were seen later, so the last that fits is the one.
        const bool sameId = seen.idHash != 0 && call->idHash == seen.idHash &&
                            call->upstreamIndex == seen.upstreamIndex;
        const bool knownById =
            known != m_calls.end() && seen.idHash != 0 && known->idHash == seen.idHash;
        if (sameId || (!knownById && belongsTo(seen, *call))) {
            known = call;
        }
    }
    if (known != m_calls.end()) {
        known->idHash = known->idHash != 0 ? known->idHash : seen.idHash;
        known->nameHash = known->nameHash != 0 ? known->nameHash : seen.nameHash;
        known->upstreamIndex = seen.upstreamIndex;
        std::rotate(known, known + 1, m_calls.end());
        return m_calls.back().index;
    }
    if (m_calls.size() >= kMaxCalls) {
        return seen.upstreamIndex;
    }
    Call call = seen;
    call.index = taken || seen.upstreamIndex == kNoIndex ? largest + 1 : seen.upstreamIndex;
    m_calls.push_back(call);
    return call.index;
}

// True when a fragment may go on with a call, judged by all but the same id.
bool ToolCallIndex::belongsTo(const Call &seen, const Call &call)
{
    if (seen.upstreamIndex != call.upstreamIndex) {
        return false;
    }
    // A name begins a call. Some upstreams make up a new id for each fragment, so a new id without
    // a name begins none.
    if (seen.nameHash == 0) {
        return true;
    }
    const bool otherId = seen.idHash != 0 && call.idHash != 0; // equal ones were found before
    return !otherId && (call.nameHash == 0 || seen.nameHash == call.nameHash);
}

} // namespace tidegate
