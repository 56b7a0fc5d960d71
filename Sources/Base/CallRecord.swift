import CLinux
package import Linux

/// What a process notes about the code of plugins, on a page that the process which waits for it sees as well.
///
/// A plugin can end its process in any call, by exit(3) as by the bare system call, or crash in a way that leaves no stack for
/// a handler. So the process itself does nothing about it: the one that waits for it reads whose code was running, and
/// whether the end was meant.
package struct CallRecord: @unchecked Sendable {
    private let page: UnsafeMutableRawPointer

    /// The record that this process writes; nil where nobody would read it.
    package private(set) nonisolated(unsafe) static var current: CallRecord?

    /// Makes it the record of this process, which runs code of plugins from now on.
    package func begin() {
        Self.current = self
        // A handler, as the runtime of Swift has where it shows backtraces, would let the process survive raise(3).
        for signal in [SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT, SIGSYS] { resetSignal(signal) }
    }

    private static let size = 4096
    // The page begins with the length of the call's name, 0 between calls, and a status for each of two processes:
    // 0 while it has not settled how it ends, otherwise one more than its exit status.
    private static let length = 0
    private static let ownEnd = 4
    private static let childEnd = 8
    private static let name = 64
    private static let longestName = 255

    /// A page that this process shares with those that it forks.
    package init() throws(Errno) { page = try sharedMemory(Self.size) }

    /// The page of `file`, which two programs have open.
    package init(mapping file: CInt) throws(Errno) {
        // A page of a shorter file is no memory; mmap(2).
        guard try status(of: file).size >= Self.size else { throw .invalidArgument }
        page = try sharedMemory(Self.size, of: file)
    }

    /// Returns a file for `init(mapping:)`.
    package static func makeFile() throws(Errno) -> OwnedFD {
        try makeMemoryFile("plugin-calls", [UInt8](repeating: 0, count: size))
    }

    /// The call that runs, as `org.example.hello: mounts`; nil when none does.
    package var call: String? {
        let count = min(Int(page.load(fromByteOffset: Self.length, as: UInt32.self)), Self.longestName)
        if count == 0 { return nil }
        return String(bytes: UnsafeRawBufferPointer(start: page + Self.name, count: count))
    }

    /// - Parameter name: cut at 255 bytes.
    package func begin(_ name: String) {
        let bytes = name.bytes.prefix(Self.longestName)
        end()
        UnsafeMutableRawBufferPointer(start: page + Self.name, count: bytes.count).copyBytes(from: bytes)
        page.storeBytes(of: UInt32(bytes.count), toByteOffset: Self.length, as: UInt32.self)
    }

    package func end() { page.storeBytes(of: 0, toByteOffset: Self.length, as: UInt32.self) }

    /// The process is about to end, with this status.
    package func settle(_ status: CInt) {
        page.storeBytes(of: (status & 0xFF) + 1, toByteOffset: Self.ownEnd, as: CInt.self)
    }

    /// The status with which it meant to end; nil when it did not.
    package var settled: CInt? {
        let status = page.load(fromByteOffset: Self.ownEnd, as: CInt.self)
        return status == 0 ? nil : status - 1
    }

    /// The process that becomes the program is about to do so, or to end for a reason that it has told.
    package func settleChild(asProgram: Bool) {
        page.storeBytes(of: asProgram ? 2 : 1, toByteOffset: Self.childEnd, as: CInt.self)
    }

    package var isChildSettled: Bool { page.load(fromByteOffset: Self.childEnd, as: CInt.self) != 0 }
    package var isProgramStarted: Bool { page.load(fromByteOffset: Self.childEnd, as: CInt.self) == 2 }

    /// Returns what to say about a process that ended in code of a plugin, or without having settled to.
    /// - Parameter plugins: those whose code it had.
    package func blame(_ status: ExitStatus, among plugins: [String]) -> SkiffError {
        let who =
            switch (call, plugins.count) {
            case (let call?, _): "plugin \(call)"
            case (nil, 1): "plugin \(plugins[0])"
            case (nil, _): "one of the plugins \(plugins.joined(separator: ", "))"
            }
        return SkiffError("\(who): \(Self.reason(status))")
    }

    package static func reason(_ status: ExitStatus) -> String {
        switch status {
        case .exited(let code): "it ended the process with status \(code)"
        case .signaled(let signal), .stopped(let signal): "it crashed (signal \(signal))"
        }
    }
}

/// Ends this process, as the one that waits for it is told. With plugins, nothing that they left to be done at the end is
/// done, except that what they printed is written.
package func leave(_ status: CInt) -> Never {
    guard let record = CallRecord.current else { exit(status) }
    record.settle(status)
    fflush(nil)
    _exit(status)
}
