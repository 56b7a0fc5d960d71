package import Core
import Linux
package import Ownership

/// Who the builder is for the time of a build, decided once and the same for all its steps.
package struct BuildIdentity: Sendable {
    /// How an ordinary user came to be root; nil for root.
    package var rootMode: RootMode?
    /// The ids of that mode beside the user's own.
    package var ranges: SubordinateIDs?
    /// The control socket of this build's skiff-root; open until the builder ends.
    package var supervisor: Int32?
    /// Leads to the `StepLauncher`; nil where no step runs.
    package var launcher: Int32?
    /// Whether this process lives in a user namespace that the build made.
    package var isInside = false
    /// Whether each step has a PID namespace of its own.
    package var hasStepProcesses = false
    /// What the files of the image have as records only. The same for every tree of the build.
    package var keeping = RecordKeeping.nothing

    /// True root.
    package static let root = BuildIdentity()

    /// Equal where files of one build mean the same in another.
    var text: String {
        let ranges = ranges.map { "\($0.users.first) \($0.users.count) \($0.groups.first) \($0.groups.count)" }
        return "\(rootMode?.rawValue ?? "") \(keeping) \(ranges ?? "")"
    }

    /// Whether the owners of a tree's files are those that an image is to have: root's are, and those of a range where the
    /// tree was made with it.
    ///
    /// - Parameters:
    ///   - tree: its top directory, lent.
    ///   - ownsAllIDs: real root.
    func knowsOwners(of tree: Int32, ownsAllIDs: Bool) -> Bool {
        if ownsAllIDs { return true }
        guard rootMode == .ranges, let top = try? status(of: tree) else { return false }
        return !MappedNamespace.isForeign(top)
    }
}
