// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QTranslator>

namespace tidegate {

/// A language that nobody speaks: every text in brackets, with accents, and almost half longer.
/// What is cut, not translated or too narrow shows in pictures taken with `--locale xx`.
///
/// Lives in the GUI thread, owned by main().
class PseudoTranslator : public QTranslator
{
    Q_OBJECT

public:
    using QTranslator::QTranslator;

    [[nodiscard]] bool isEmpty() const override { return false; }
    [[nodiscard]] QString translate(const char *context, const char *sourceText,
                                    const char *disambiguation = nullptr,
                                    int n = -1) const override;
};

} // namespace tidegate
