// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QTranslator>

namespace tidegate {

/// English, the language of the source: turns "%n request(s)" into "1 request" or "2 requests".
///
/// Lives in the GUI thread, owned by main(). Installed before the translators of other languages,
/// which are then asked first.
class EnglishPlurals : public QTranslator
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
