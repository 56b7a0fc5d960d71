/// Which properties of the files in a tree are recorded on them instead of being real.
package enum RecordKeeping: Sendable {
    /// Nothing: root made the tree.
    case nothing
    /// Device nodes and `trusted.` attributes. Owners are real, in the namespace of a user who has ranges of ids.
    case devices
    /// Owners as well.
    case owners
}
