// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/config/yamlreader.h"

#include <QStringDecoder>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <exception>
#include <sstream>
#include <string>

using namespace Qt::StringLiterals;

namespace tidegate {

namespace {

/// Copies a yaml-cpp tree, following anchors, within the reader's bounds.
class TreeCopy
{
public:
    explicit TreeCopy(ConfigProblems &problems)
        : m_problems(problems)
    {
    }

    [[nodiscard]] bool failed() const { return m_failed; }

    ConfigNode copy(const YAML::Node &source, int depth)
    {
        ConfigNode node;
        node.line = lineOf(source);
        if (m_failed) {
            return node;
        }
        if (++m_nodes > YamlReader::kMaxNodes || depth > YamlReader::kMaxDepth) {
            m_failed = true;
            m_problems.error(
                node.line, {},
                u"The file is nested too deeply or grows too large through its anchors "
                "(&name and *name). Write it without them."_s);
            return node;
        }
        switch (source.Type()) {
        case YAML::NodeType::Undefined:
        case YAML::NodeType::Null:
            break;
        case YAML::NodeType::Scalar:
            node.kind = ConfigNode::Kind::Scalar;
            node.raw = QString::fromStdString(source.Scalar());
            break;
        case YAML::NodeType::Sequence:
            node.kind = ConfigNode::Kind::List;
            for (const YAML::Node &item : source) {
                node.items.push_back(copy(item, depth + 1));
            }
            break;
        case YAML::NodeType::Map:
            node.kind = ConfigNode::Kind::Map;
            for (const auto &pair : source) {
                copyPair(pair.first, pair.second, depth, node);
            }
            break;
        }
        return node;
    }

private:
    static int lineOf(const YAML::Node &node)
    {
        const YAML::Mark mark = node.Mark();
        return mark.is_null() ? 0 : mark.line + 1;
    }

    void copyPair(const YAML::Node &key, const YAML::Node &value, int depth, ConfigNode &parent)
    {
        const int line = lineOf(key);
        if (!key.IsScalar()) {
            m_problems.error(line, {},
                             u"A key must be plain text, not a list, a section or nothing."_s);
            return;
        }
        ConfigNode child = copy(value, depth + 1);
        child.key = QString::fromStdString(key.Scalar());
        child.keyLine = line;
        if (child.line == 0 || child.kind == ConfigNode::Kind::Null) {
            child.line = line; // yaml-cpp places nothing at the next token
        }
        parent.items.push_back(std::move(child));
    }

    ConfigProblems &m_problems;
    int m_nodes = 0;
    bool m_failed = false;
};

/// Notes where a document starts.
class DocumentStart : public YAML::EventHandler
{
public:
    int line = 0;

    void OnDocumentStart(const YAML::Mark &mark) override { line = mark.line + 1; }
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark & /*mark*/, YAML::anchor_t /*anchor*/) override {}
    void OnAlias(const YAML::Mark & /*mark*/, YAML::anchor_t /*anchor*/) override {}
    void OnScalar(const YAML::Mark & /*mark*/, const std::string & /*tag*/,
                  YAML::anchor_t /*anchor*/, const std::string & /*value*/) override
    {
    }
    void OnSequenceStart(const YAML::Mark & /*mark*/, const std::string & /*tag*/,
                         YAML::anchor_t /*anchor*/, YAML::EmitterStyle::value /*style*/) override
    {
    }
    void OnSequenceEnd() override {}
    void OnMapStart(const YAML::Mark & /*mark*/, const std::string & /*tag*/,
                    YAML::anchor_t /*anchor*/, YAML::EmitterStyle::value /*style*/) override
    {
    }
    void OnMapEnd() override {}
};

/// yaml-cpp reads 0x04 as the end of the file and guesses encodings; both would hide settings.
bool checkBytes(const QByteArray &text, ConfigProblems &problems)
{
    if (text.size() > YamlReader::kMaxBytes) {
        problems.error(0, {}, u"The file is larger than 1 MB. Is it the right file?"_s);
        return false;
    }
    int line = 1;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte == '\n') {
            ++line;
        } else if ((byte < 0x20 && byte != '\t' && byte != '\r') || byte == 0x7f) {
            problems.error(
                line, {},
                u"There is a control character (code %1) in this line. Remove it, or save "
                "the file as UTF-8 text."_s.arg(int(byte)));
            return false;
        }
    }
    QStringDecoder decoder(QStringDecoder::Utf8, QStringDecoder::Flag::Stateless);
    const QString decoded = decoder(text);
    if (decoder.hasError() || decoded.contains(QChar::ReplacementCharacter)) {
        const auto bad = decoded.indexOf(QChar::ReplacementCharacter);
        const int badLine = bad < 0 ? 0 : 1 + int(QStringView(decoded).left(bad).count(u'\n'));
        problems.error(badLine, {}, u"The text is not valid UTF-8. Save the file as UTF-8."_s);
        return false;
    }
    return true;
}

} // namespace

std::optional<ConfigNode> YamlReader::read(const QByteArray &text, ConfigProblems &problems)
{
    if (!checkBytes(text, problems)) {
        return std::nullopt;
    }
    try {
        // Not YAML::LoadAll(): a text like "," makes it produce documents without end.
        const std::string bytes = text.toStdString();
        std::istringstream stream(bytes);
        YAML::Parser parser(stream);
        DocumentStart first;
        DocumentStart second;
        if (!parser.HandleNextDocument(first)) {
            ConfigNode empty;
            empty.kind = ConfigNode::Kind::Map;
            return empty;
        }
        if (parser.HandleNextDocument(second)) {
            problems.error(
                second.line, {},
                u"The file goes on after its end: there is a second document (\"---\"), or "
                "a line that belongs nowhere. Remove it."_s);
            return std::nullopt;
        }
        TreeCopy treeCopy(problems);
        ConfigNode root = treeCopy.copy(YAML::Load(bytes), 0);
        if (treeCopy.failed()) {
            return std::nullopt;
        }
        return root;
    } catch (const YAML::Exception &exception) {
        problems.error(exception.mark.is_null() ? 0 : exception.mark.line + 1, {},
                       u"This is not valid YAML: %1. Check the indentation, quotes and colons here "
                       "and in the line above."_s.arg(QString::fromStdString(exception.msg)));
    } catch (const std::exception &) {
        problems.error(0, {}, u"The file cannot be read as YAML."_s);
    }
    return std::nullopt;
}

} // namespace tidegate
