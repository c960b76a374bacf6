// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/http/responsewriter.h"

#include <QByteArray>

namespace tidegate {

/// The description of the API and the page to read it with, as the program carries them. Any
/// thread, no state; nothing is read from disk.
class ApiDocs
{
public:
    /// GET /openapi.json
    static void sendDocument(ResponseWriter &writer);
    /// GET /docs: needs nothing from anywhere but /openapi.json, and may do nothing else.
    static void sendPage(ResponseWriter &writer);
};

} // namespace tidegate
