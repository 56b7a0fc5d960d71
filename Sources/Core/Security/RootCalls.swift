/// The system calls that root emulation must answer, and their numbers. Docs/root-emulation.md tells what becomes of each.
package enum RootCall: UInt8, CaseIterable, Sendable {
    case chown, lchown, fchown, fchownat
    case mknod, mknodat
    case setxattr, lsetxattr, fsetxattr, setxattrat
    case getxattr, lgetxattr, fgetxattr, getxattrat
    case listxattr, llistxattr, flistxattr, listxattrat
    case removexattr, lremovexattr, fremovexattr, removexattrat
    case setgroups, setuid, setgid, setreuid, setregid, setresuid, setresgid, setfsuid, setfsgid
    case getuid, geteuid, getgid, getegid, getresuid, getresgid, getgroups
    case capset, prctl
    case execve, execveat
    /// Of RLIMIT_LOCKS, which carries the identity of a process.
    case prlimit, setrlimit
    /// landlock_restrict_self(2): a process that gives up access is given none by others.
    case restrict
    case open, openat, creat, openat2
    case mkdir, mkdirat, symlink, symlinkat
    case stat, lstat, fstat, fstatat, statx
    /// With the structure of i386; nobody uses its older one (`oldstat`).
    case stat64, lstat64, fstat64, fstatat64
}

/// The calls of one kernel interface. A machine has several: a 64-bit kernel runs 32-bit programs, and a filter that did
/// not know those would let them see another world.
package struct CallTable: Sendable {
    package struct Entry: Sendable, Equatable {
        package let number: UInt32
        package let call: RootCall
        /// Ids of 16 bits, as Linux had them before 2.4; `-1` is 0xFFFF.
        package let isNarrow: Bool
    }

    /// AUDIT_ARCH_* of linux/audit.h.
    package let architecture: UInt32
    /// Cleared in a number before it is looked up: x32 numbers are those of x86_64 with bit 30 set.
    package let ignoredBits: UInt32
    package let entries: [Entry]

    private init(
        _ architecture: UInt32, ignoredBits: UInt32 = 0, _ calls: [(RootCall, UInt32)],
        narrow: [(RootCall, UInt32)] = []
    ) {
        self.architecture = architecture
        self.ignoredBits = ignoredBits
        entries =
            calls.map { Entry(number: $0.1, call: $0.0, isNarrow: false) }
            + narrow.map { Entry(number: $0.1, call: $0.0, isNarrow: true) }
    }

    package func entry(_ number: UInt32) -> Entry? {
        entries.first { $0.number == number & ~ignoredBits }
    }

    /// The tables of this machine.
    package static var native: [CallTable] {
        #if arch(arm64)
        [arm64, arm]
        #else
        [x86, i386]
        #endif
    }

    package static var x86: CallTable {
        CallTable(
            0xC000_003E, ignoredBits: 0x4000_0000,
            [
                (.getuid, 102), (.geteuid, 107), (.getgid, 104), (.getegid, 108), (.chown, 92), (.fchown, 93),
                (.lchown, 94), (.fchownat, 260), (.mknod, 133), (.mknodat, 259),
                (.setgroups, 116), (.setuid, 105), (.setgid, 106), (.setreuid, 113),
                (.setregid, 114), (.setresuid, 117), (.setresgid, 119), (.setfsuid, 122), (.setfsgid, 123),
                (.getresuid, 118), (.getresgid, 120), (.getgroups, 115), (.capset, 126), (.creat, 85),
                (.openat2, 437), (.mkdir, 83), (.mkdirat, 258), (.symlink, 88), (.symlinkat, 266), (.open, 2),
                (.openat, 257), (.prctl, 157), (.execve, 59), (.execveat, 322),
                (.stat, 4), (.fstat, 5), (.lstat, 6), (.fstatat, 262), (.statx, 332), (.prlimit, 302),
                (.setrlimit, 160), (.restrict, 446),
            ] + attributes(from: 188))
    }

    package static var i386: CallTable {
        CallTable(
            0x4000_0003,
            wide32 + [
                (.fchownat, 298), (.mknodat, 297), (.mkdirat, 296), (.symlinkat, 304), (.openat, 295), (.execveat, 358),
                (.stat64, 195), (.lstat64, 196), (.fstat64, 197), (.fstatat64, 300), (.statx, 383), (.prlimit, 340),
                (.setrlimit, 75), (.restrict, 446),
            ], narrow: narrow32)
    }

    package static var arm64: CallTable {
        CallTable(
            0xC000_00B7,
            [
                (.getuid, 174), (.geteuid, 175), (.getgid, 176), (.getegid, 177), (.fchown, 55), (.fchownat, 54),
                (.mknodat, 33), (.setgroups, 159), (.setuid, 146),
                (.setgid, 144), (.setreuid, 145), (.setregid, 143), (.setresuid, 147), (.setresgid, 149),
                (.setfsuid, 151), (.setfsgid, 152), (.getresuid, 148), (.getresgid, 150), (.getgroups, 158),
                (.capset, 91), (.openat2, 437), (.mkdirat, 34), (.symlinkat, 36), (.openat, 56), (.prctl, 167),
                (.execve, 221),
                (.execveat, 281), (.fstat, 80), (.fstatat, 79), (.statx, 291),
                (.prlimit, 261), (.setrlimit, 164), (.restrict, 446),
            ] + attributes(from: 5))
    }

    package static var arm: CallTable {
        CallTable(
            0x4000_0028,
            wide32 + [
                (.fchownat, 325), (.mknodat, 324), (.mkdirat, 323), (.symlinkat, 331), (.openat, 322), (.execveat, 387),
                (.statx, 397), (.prlimit, 369), (.setrlimit, 75),
                (.restrict, 446),
            ], narrow: narrow32)
    }

    /// The twelve old calls have numbers in a row everywhere, and the four new ones of Linux 6.13 the same on all machines.
    private static func attributes(from first: UInt32) -> [(RootCall, UInt32)] {
        let row: [RootCall] = [
            .setxattr, .lsetxattr, .fsetxattr, .getxattr, .lgetxattr, .fgetxattr, .listxattr, .llistxattr, .flistxattr,
            .removexattr, .lremovexattr, .fremovexattr,
        ]
        return zip(row, first...).map { ($0, $1) }
            + [(.setxattrat, 463), (.getxattrat, 464), (.listxattrat, 465), (.removexattrat, 466)]
    }

    /// What i386 and 32-bit ARM have in common.
    private static var wide32: [(RootCall, UInt32)] {
        [
            (.getuid, 199), (.getgid, 200), (.geteuid, 201), (.getegid, 202), (.setreuid, 203), (.setregid, 204),
            (.getgroups, 205), (.setgroups, 206), (.fchown, 207), (.setresuid, 208), (.getresuid, 209),
            (.setresgid, 210), (.getresgid, 211), (.chown, 212), (.setuid, 213), (.setgid, 214), (.setfsuid, 215),
            (.setfsgid, 216), (.lchown, 198), (.capset, 185),
            (.creat, 8), (.mknod, 14), (.mkdir, 39), (.symlink, 83), (.open, 5), (.prctl, 172), (.openat2, 437),
            (.execve, 11),
        ] + attributes(from: 226)
    }

    private static var narrow32: [(RootCall, UInt32)] {
        [
            (.lchown, 16), (.setuid, 23), (.getuid, 24), (.setgid, 46), (.getgid, 47), (.geteuid, 49), (.getegid, 50),
            (.setreuid, 70), (.setregid, 71), (.getgroups, 80), (.setgroups, 81), (.fchown, 95), (.setfsuid, 138),
            (.setfsgid, 139), (.setresuid, 164), (.getresuid, 165), (.setresgid, 170), (.getresgid, 171),
            (.chown, 182),
        ]
    }
}
