/// A path of the host, or of the caller: looked up from this process's own root and current directory.
///
/// The name of a file in an image, layer, build context or container is a `TreePath`, and never becomes one of these.
package struct HostPath: BytePath {
    package let bytes: [UInt8]
    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// Returns the path as seen from `directory`, which is absolute; an absolute path is returned as it is. Not
    /// cleaned.
    package func absolute(in directory: HostPath) -> HostPath { isAbsolute ? self : directory.appending(bytes) }
}
