package import Core
import Linux
package import Ownership

/// Who the builder is during a build: decided once, and the same for all steps.
package struct BuildIdentity: Sendable {
    /// How an ordinary user became root; nil for root.
    package var rootMode: RootMode?
    /// The ids that this mode has besides the user's own.
    package var ranges: SubordinateIDs?
    /// The control socket of this build's skiff-root; open until the builder ends.
    package var supervisor: Int32?
    /// Leads to the `StepLauncher`; nil where no step runs.
    package var launcher: Int32?
    /// Whether this process lives in a user namespace that the build made.
    package var isInside = false
    /// Whether each step has a PID namespace of its own.
    package var hasStepProcesses = false
    /// What is only recorded on the files of the image. It is the same for every tree of the build.
    package var keeping = RecordKeeping.nothing

    /// True root.
    package static let root = BuildIdentity()

    /// A text that is equal for builds in which the owners of files mean the same.
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
