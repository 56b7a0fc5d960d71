import Linux

/// The outcome of a call; a thrown `Errno` is its error.
enum Answer {
    case value(Int64)
    /// The kernel does it.
    case proceed
    /// The answer has been given already.
    case given

    static let done = Answer.value(0)
}

/// The files that keep the owners given to them.
package enum KeepingScope: String, Sendable {
    /// Every file, as far as the file system allows: for a build, whose user owns everything it can write.
    case everything
    /// Those on the mount of the container's root; what is bound from the host stays as it is.
    case root
}
