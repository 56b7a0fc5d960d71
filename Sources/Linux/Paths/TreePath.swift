/// A path in a foreign tree: an image, a layer, a build context, a sandbox, a root that is being built.
///
/// Whoever made the tree chose where its names lead, so only the calls of a `TreeRoot` take such a path: absolute paths
/// and symbolic links then start at the top of the tree, `..` ends there, and no magic link of /proc is followed
/// (CVE-2021-30465, CVE-2024-21626). The empty path is the top.
package struct TreePath: BytePath {
    package let bytes: [UInt8]
    package init(_ bytes: [UInt8]) { self.bytes = bytes }
}
