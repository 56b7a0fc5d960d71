package import CLinux

/// How a process ended; wait(2).
package enum ExitStatus: Sendable, Equatable {
    case exited(CInt)
    case signaled(CInt)
    case stopped(CInt)

    init(waitStatus: CInt) {
        if skl_wifsignaled(waitStatus) != 0 {
            self = .signaled(skl_wtermsig(waitStatus))
        } else if skl_wifstopped(waitStatus) != 0 {
            self = .stopped(skl_wstopsig(waitStatus))
        } else {
            self = .exited(skl_wexitstatus(waitStatus))
        }
    }

    /// As a shell counts it: 128 + n for a signal.
    package var code: CInt {
        switch self {
        case .exited(let code): code
        case .signaled(let signal), .stopped(let signal): 128 + signal
        }
    }
}

/// waitpid(2); nil with `WNOHANG` when nothing ended.
package func waitFor(_ pid: pid_t, options: CInt = 0) throws(Errno) -> (pid: pid_t, status: ExitStatus)? {
    var raw: CInt = 0
    let found = try checked { waitpid(pid, &raw, options) }
    return found == 0 ? nil : (found, ExitStatus(waitStatus: raw))
}

package func sendSignal(_ signal: CInt, to pid: pid_t) throws(Errno) { _ = try checked { kill(pid, signal) } }

/// pidfd_open(2).
package func openPidFD(_ pid: pid_t) throws(Errno) -> OwnedFD {
    OwnedFD(adopting: try checked { skl_pidfd_open(pid, 0) })
}

/// pidfd_send_signal(2): cannot hit a process that took over the number.
package func sendSignal(_ signal: CInt, to pidfd: borrowing OwnedFD) throws(Errno) {
    let fd = pidfd.raw
    _ = try checked { skl_pidfd_send_signal(fd, signal) }
}

/// An array of C strings that ends with NULL, for execve(2) and posix_spawn(3). Made before clone, so that the child does
/// not allocate; freed with the value.
package final class CStringArray {
    private var pointers: [UnsafeMutablePointer<CChar>?]

    package init(_ strings: [String]) {
        pointers = strings.map { strdup($0) }
        pointers.append(nil)
    }

    /// The same from bytes without NUL, of any encoding.
    package init(bytes strings: [[UInt8]]) {
        pointers = strings.map { string in
            string.withUnsafeBytes { buffer in
                buffer.baseAddress.flatMap { strndup($0.assumingMemoryBound(to: CChar.self), buffer.count) }
                    ?? strdup("")
            }
        }
        pointers.append(nil)
    }

    deinit { for pointer in pointers { free(pointer) } }

    package func withPointer<Result>(_ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result) -> Result {
        pointers.withUnsafeBufferPointer { buffer in
            // A Swift array that holds at least the NULL has an address.
            guard let base = buffer.baseAddress else { fatalError("empty pointer array") }
            return body(base)
        }
    }
}

/// execve(2): comes back only to throw.
package func execute(_ path: String, _ arguments: CStringArray, _ environment: CStringArray) throws(Errno) {
    arguments.withPointer { argv in environment.withPointer { envp in _ = execve(path, argv, envp) } }
    throw Errno.current
}

/// execveat(2) with AT_EMPTY_PATH: the file that a descriptor names.
package func execute(_ fd: CInt, _ arguments: CStringArray, _ environment: CStringArray) throws(Errno) {
    arguments.withPointer { argv in
        environment.withPointer { envp in _ = skl_execveat(fd, "", argv, envp, AT_EMPTY_PATH) }
    }
    throw Errno.current
}

/// posix_spawn(3): starts a helper. `descriptors` maps numbers of the child to numbers of ours; all others close at exec.
package func spawn(
    _ path: String, _ arguments: [String], environment: [String], descriptors: [(child: CInt, parent: CInt)] = [],
    newSession: Bool = false
) throws(Errno) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (child, parent) in descriptors {
        // dup2 of a descriptor onto itself clears close-on-exec: posix_spawn_file_actions_adddup2(3), glibc 2.29.
        posix_spawn_file_actions_adddup2(&actions, parent, child)
    }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    var flags = POSIX_SPAWN_SETSIGMASK
    if newSession { flags |= POSIX_SPAWN_SETSID }
    posix_spawnattr_setflags(&attributes, Int16(truncatingIfNeeded: flags))
    let argv = CStringArray(arguments)
    let envp = CStringArray(environment)
    var pid: pid_t = 0
    let failure = argv.withPointer { a in envp.withPointer { e in posix_spawn(&pid, path, &actions, &attributes, a, e) }
    }
    if failure != 0 { throw Errno(failure) }
    return pid
}

/// `KEY=VALUE` strings of this process, in order.
package func environmentStrings() -> [String] {
    var result: [String] = []
    guard var cursor = skl_environ() else { return result }
    while let text = cursor.pointee {
        result.append(String(cString: text))
        cursor += 1
    }
    return result
}

/// The same as bytes: an environment has no encoding.
package func environmentBytes() -> [[UInt8]] {
    var result: [[UInt8]] = []
    guard var cursor = skl_environ() else { return result }
    while let text = cursor.pointee {
        result.append(Array(UnsafeRawBufferPointer(start: text, count: strlen(text))))
        cursor += 1
    }
    return result
}

/// getenv(3).
package func environmentValue(_ name: String) -> String? {
    guard let value = getenv(name) else { return nil }
    return String(cString: value)
}

/// How many CPUs the affinity mask of this process holds; sched_getaffinity(2).
package func allowedCPUs() -> Int {
    var set = cpu_set_t()
    guard sched_getaffinity(0, MemoryLayout<cpu_set_t>.size, &set) == 0 else { return 1 }
    return max(1, withUnsafeBytes(of: &set) { $0.reduce(0) { $0 + $1.nonzeroBitCount } })
}

/// Threads of this process, counted in /proc/self/task.
package func threadCount() throws(Errno) -> Int {
    let directory = try open("/proc/self/task", O_RDONLY | O_DIRECTORY)
    return try entries(of: directory.raw).count
}
