import CLinux
import Linux
package import Shell

/// A directory that stands for the root of a container; removed with the value.
package final class FakeRoot {
    private let scratch: Scratch
    package var path: String { scratch.path }
    package let files: ContainerFiles

    package init() throws {
        scratch = try Scratch()
        files = ContainerFiles(root: try TreeRoot(HostPath(scratch.path)), directory: [ASCII.slash])
    }

    package func write(_ name: String, _ text: String, mode: mode_t = 0o644) throws {
        if let folder = parentPath(path + name) { try makeDirectories(folder) }
        try writeFile(path + name, Array(text.utf8), mode: mode)
    }

    package func directory(_ name: String) throws { try makeDirectories(path + name) }
}
