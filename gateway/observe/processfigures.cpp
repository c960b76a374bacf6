// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/observe/processfigures.h"

#include <QByteArrayList>
#include <QFile>

#ifdef Q_OS_UNIX
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#endif
#ifdef Q_OS_LINUX
#include <dirent.h>
#endif

namespace tidegate {

ProcessFigures ProcessFigures::read()
{
    ProcessFigures figures;
#ifdef Q_OS_UNIX
    timespec cpu{};
    if (::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu) == 0) {
        figures.cpuUs = qint64(cpu.tv_sec) * 1'000'000 + cpu.tv_nsec / 1000;
    }
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur != RLIM_INFINITY) {
        figures.maxOpenFiles = qint64(files.rlim_cur);
    }
#endif
#ifdef Q_OS_LINUX
    QFile memory(QStringLiteral("/proc/self/statm"));
    if (memory.open(QIODevice::ReadOnly)) {
        const QByteArrayList pages = memory.readAll().split(' ');
        figures.residentBytes = pages.value(1).toLongLong() * ::sysconf(_SC_PAGESIZE);
    }
    if (DIR *directory = ::opendir("/proc/self/fd")) {
        figures.openFiles = -3; // ".", ".." and the directory itself
        while (::readdir(directory)) {
            ++figures.openFiles;
        }
        ::closedir(directory);
    }
#endif
    return figures;
}

} // namespace tidegate
