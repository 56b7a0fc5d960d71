/// What of a tree is recorded on its files instead of being true.
package enum RecordKeeping: Sendable {
    /// Nothing: root made it.
    case nothing
    /// Device nodes and `trusted.` attributes; owners are true, in the namespace of who has ranges of ids.
    case devices
    /// Owners as well.
    case owners
}
