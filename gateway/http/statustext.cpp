// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/http/statustext.h"

namespace tidegate {

std::string_view statusLine(int status)
{
#define TIDEGATE_STATUS(code, text)                                                                \
    case code:                                                                                     \
        return "HTTP/1.1 " #code " " text "\r\n"
    switch (status) {
        TIDEGATE_STATUS(200, "OK");
        TIDEGATE_STATUS(201, "Created");
        TIDEGATE_STATUS(202, "Accepted");
        TIDEGATE_STATUS(204, "No Content");
        TIDEGATE_STATUS(206, "Partial Content");
        TIDEGATE_STATUS(301, "Moved Permanently");
        TIDEGATE_STATUS(302, "Found");
        TIDEGATE_STATUS(303, "See Other");
        TIDEGATE_STATUS(304, "Not Modified");
        TIDEGATE_STATUS(307, "Temporary Redirect");
        TIDEGATE_STATUS(308, "Permanent Redirect");
        TIDEGATE_STATUS(400, "Bad Request");
        TIDEGATE_STATUS(401, "Unauthorized");
        TIDEGATE_STATUS(402, "Payment Required");
        TIDEGATE_STATUS(403, "Forbidden");
        TIDEGATE_STATUS(404, "Not Found");
        TIDEGATE_STATUS(405, "Method Not Allowed");
        TIDEGATE_STATUS(406, "Not Acceptable");
        TIDEGATE_STATUS(408, "Request Timeout");
        TIDEGATE_STATUS(409, "Conflict");
        TIDEGATE_STATUS(410, "Gone");
        TIDEGATE_STATUS(411, "Length Required");
        TIDEGATE_STATUS(412, "Precondition Failed");
        TIDEGATE_STATUS(413, "Content Too Large");
        TIDEGATE_STATUS(414, "URI Too Long");
        TIDEGATE_STATUS(415, "Unsupported Media Type");
        TIDEGATE_STATUS(416, "Range Not Satisfiable");
        TIDEGATE_STATUS(417, "Expectation Failed");
        TIDEGATE_STATUS(421, "Misdirected Request");
        TIDEGATE_STATUS(422, "Unprocessable Content");
        TIDEGATE_STATUS(424, "Failed Dependency");
        TIDEGATE_STATUS(425, "Too Early");
        TIDEGATE_STATUS(426, "Upgrade Required");
        TIDEGATE_STATUS(428, "Precondition Required");
        TIDEGATE_STATUS(429, "Too Many Requests");
        TIDEGATE_STATUS(431, "Request Header Fields Too Large");
        TIDEGATE_STATUS(451, "Unavailable For Legal Reasons");
        TIDEGATE_STATUS(500, "Internal Server Error");
        TIDEGATE_STATUS(501, "Not Implemented");
        TIDEGATE_STATUS(502, "Bad Gateway");
        TIDEGATE_STATUS(503, "Service Unavailable");
        TIDEGATE_STATUS(504, "Gateway Timeout");
        TIDEGATE_STATUS(505, "HTTP Version Not Supported");
        TIDEGATE_STATUS(507, "Insufficient Storage");
        TIDEGATE_STATUS(529, "Site Is Overloaded");
    default:
        return {};
    }
#undef TIDEGATE_STATUS
}

} // namespace tidegate
