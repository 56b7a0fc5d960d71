/// What is recorded on the files of a tree instead of being true.
package enum RecordKeeping: Sendable {
    /// Nothing: root made the tree.
    case nothing
    /// Device nodes and `trusted.` attributes. Owners are true, in the namespace of a user who has ranges of ids.
    case devices
    /// Owners as well.
    case owners
}
