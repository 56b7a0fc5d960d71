package import Core
package import Ownership

/// Who the builder is for the time of a build, decided once and the same for all its steps.
package struct BuildIdentity: Sendable {
    /// How an ordinary user came to be root; nil for root.
    package var rung: RootRung?
    /// Leads to the skiff-root of this build, for launches; open until the builder ends.
    package var supervisor: Int32?
    /// What the files of the image have as records only. The same for every tree of the build.
    package var keeping = RecordKeeping.nothing

    /// True root.
    package static let root = BuildIdentity()
}
