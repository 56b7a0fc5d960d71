import Linux

/// What becomes of a call; a thrown `Errno` is its error.
enum Answer {
    case value(Int64)
    /// The kernel does it.
    case proceed
    /// Has been given already.
    case given

    static let done = Answer.value(0)
}

/// Which files keep the owners that are given to them.
package enum KeepingScope: String, Sendable {
    /// All that the file system allows: a build, whose user owns everything it can write.
    case everything
    /// Those on the mount of the container's root; what is bound from the host stays as it is.
    case root
}
