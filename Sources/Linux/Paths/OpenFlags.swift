import CLinux

/// Flags of open(2). O_CLOEXEC is always added: a descriptor meant for another program is made inheritable explicitly.
package struct OpenFlags: OptionSet, Sendable {
    package let rawValue: CInt
    package init(rawValue: CInt) { self.rawValue = rawValue }
    package init(arrayLiteral flags: Self...) { self.init(rawValue: flags.reduce(0) { $0 | $1.rawValue }) }

    /// O_RDONLY, which is no bit: files are opened for reading unless another access is named.
    package static let read: OpenFlags = []
    package static let write = OpenFlags(rawValue: O_WRONLY)
    package static let readWrite = OpenFlags(rawValue: O_RDWR)
    package static let append = OpenFlags(rawValue: O_APPEND)
    package static let create = OpenFlags(rawValue: O_CREAT)
    package static let exclusive = OpenFlags(rawValue: O_EXCL)
    package static let truncate = OpenFlags(rawValue: O_TRUNC)
    package static let directory = OpenFlags(rawValue: O_DIRECTORY)
    /// Does not follow a symbolic link that is the last component.
    package static let noFollow = OpenFlags(rawValue: O_NOFOLLOW)
    /// Keeps a FIFO or device from making the call wait.
    package static let nonBlocking = OpenFlags(rawValue: O_NONBLOCK)
    package static let noControllingTerminal = OpenFlags(rawValue: O_NOCTTY)
    /// O_PATH: a descriptor that names the file and grants no access to its content.
    package static let pathOnly = OpenFlags(rawValue: SKL_O_PATH)
    /// O_TMPFILE: a file without a name in the directory that is opened.
    package static let unnamedFile = OpenFlags(rawValue: SKL_O_TMPFILE)

    /// The number for the kernel.
    var value: CInt { rawValue | O_CLOEXEC }
}
