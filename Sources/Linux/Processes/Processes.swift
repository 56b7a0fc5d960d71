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

/// Returns whether a child's stop, once waited for, is over: it was continued, has stopped again, or has ended.
/// waitid(2) with WNOWAIT, so that a later wait still reports it.
package func isStopOver(_ pid: pid_t) -> Bool {
    var info = siginfo_t()
    let options = WEXITED | WSTOPPED | WCONTINUED | WNOHANG | WNOWAIT
    return waitid(P_PID, id_t(pid), &info, options) == 0 && info.si_signo == SIGCHLD
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

/// An array of C strings that ends with NULL, for execve(2) and posix_spawn(3). Made before clone, so that the child
/// does not allocate; freed with the value.
package final class CStringArray {
    private var pointers: [UnsafeMutablePointer<CChar>?]

    package convenience init(_ strings: [String]) { self.init(bytes: strings.map(\.bytes)) }

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

    package func withPointer<Result, Failure: Error>(
        _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try pointers.withUnsafeBufferPointer { buffer throws(Failure) in
            // A Swift array that holds at least the NULL has an address.
            guard let base = buffer.baseAddress else { fatalError("empty pointer array") }
            return try body(base)
        }
    }
}

/// Memory that processes forked from now on share, zeroed or the beginning of a file; mmap(2). It ends with `unmapMemory` or
/// the process.
package func sharedMemory(_ size: Int, of file: CInt? = nil) throws(Errno) -> UnsafeMutableRawPointer {
    let flags = file == nil ? MAP_SHARED | MAP_ANONYMOUS : MAP_SHARED
    let place = mmap(nil, size, PROT_READ | PROT_WRITE, flags, file ?? -1, 0)
    guard let place, Int(bitPattern: place) != -1 else { throw Errno.current }
    return place
}

package func unmapMemory(_ place: UnsafeMutableRawPointer, _ size: Int) { _ = munmap(place, size) }

/// execve(2): returns only by throwing.
package func execute(_ path: String, _ arguments: CStringArray, _ environment: CStringArray) throws(Errno) {
    try execute(path.bytes, arguments, environment)
}

/// execve(2). The kernel looks the path up by its own rules: a path of a foreign tree must have been looked up before.
package func execute(_ path: [UInt8], _ arguments: CStringArray, _ environment: CStringArray) throws(Errno) {
    _ = try checked(path) { path in
        arguments.withPointer { argv in environment.withPointer { envp in execve(path, argv, envp) } }
    }
}

/// execveat(2) with AT_EMPTY_PATH: the file that a descriptor names.
package func execute(_ fd: CInt, _ arguments: CStringArray, _ environment: CStringArray) throws(Errno) {
    arguments.withPointer { argv in
        environment.withPointer { envp in _ = skl_execveat(fd, "", argv, envp, AT_EMPTY_PATH) }
    }
    throw Errno.current
}

/// Starts a program by vfork(2) and execve(2). It gets descriptors 0 to 2, those that `descriptors` maps (numbers of
/// the child to numbers of ours), and no other, whether close-on-exec or not; an empty signal mask; and the caller's
/// limit of descriptors.
/// - Parameters:
///   - namespaces: what it enters, in this order, by descriptor; setns(2).
///   - deathSignal: what it gets when this process ends. Only for a process with one thread: prctl(2)
///     PR_SET_PDEATHSIG acts when the thread ends.
package func spawn(
    _ path: String, _ arguments: [String], environment: [String], descriptors: [(child: CInt, parent: CInt)] = [],
    namespaces: [CInt] = [], newSession: Bool = false, deathSignal: CInt = 0, fileSizeLimit: UInt64 = 0
) throws(Errno) -> pid_t {
    let mapped = descriptors.sorted { $0.child < $1.child }
    let (sources, targets) = (mapped.map(\.parent), mapped.map(\.child))
    let argv = CStringArray(arguments)
    let envp = CStringArray(environment)
    return try checked(path) { path in
        argv.withPointer { argv in
            envp.withPointer { envp in
                sources.withUnsafeBufferPointer { sources in
                    targets.withUnsafeBufferPointer { targets in
                        namespaces.withUnsafeBufferPointer { namespaces in
                            var request = skl_spawn(
                                path: path, arguments: argv, environment: envp, sources: sources.baseAddress,
                                targets: targets.baseAddress, count: targets.count, namespaces: namespaces.baseAddress,
                                namespace_count: namespaces.count, new_session: newSession ? 1 : 0,
                                death_signal: deathSignal, parent: getpid(),
                                file_size_limit: fileSizeLimit)
                            return skl_spawn(&request)
                        }
                    }
                }
            }
        }
    }
}

/// Returns the words that this process was started with, the program's name first. Swift's own list of them is repaired
/// text.
package func processArguments() -> [String] {
    (0..<Int(CommandLine.argc)).compactMap { index in CommandLine.unsafeArgv[index].map { String(bytes: $0) } }
}

/// `KEY=VALUE` strings of this process, in order.
package func environmentStrings() -> [String] {
    var result: [String] = []
    guard var cursor = skl_environ() else { return result }
    while let text = cursor.pointee {
        result.append(String(bytes: text))
        cursor += 1
    }
    return result
}

/// The same as bytes, since an environment has no encoding.
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
    return String(bytes: value)
}

/// Removes a variable of this process.
package func removeEnvironmentValue(_ name: String) { _ = unsetenv(name) }

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
