package import Base
import Linux

/// The file tree of an image of any kind. Symbolic links stay inside.
package protocol ImageFiles {
    /// Returns a whole file, or nil when there is none.
    func text(_ path: String) throws(SkiffError) -> String?
    /// Returns the names in a directory, sorted by bytes; empty when there is none.
    func names(_ directory: String) throws(SkiffError) -> [String]
}

extension ImageFiles {
    /// The largest file that is read, in bytes.
    package var largestFile: Int { 16 << 20 }

    package func tooLarge(_ path: String) -> SkiffError {
        SkiffError("cannot read \(path) of the image: it is larger than \(largestFile >> 20) MiB")
    }
}

/// A directory that is the root of a container.
struct DirectoryFiles: ImageFiles {
    let root: TreeRoot

    func text(_ path: String) throws(SkiffError) -> String? {
        do throws(Errno) {
            return String(bytes: try root.readFile(TreePath(path), limit: largestFile))
        } catch {
            if error == .overflow { throw tooLarge(path) }
            if Self.isAbsence(error) { return nil }
            throw SkiffError("cannot read \(path) of the image", errno: error)
        }
    }

    func names(_ directory: String) throws(SkiffError) -> [String] {
        do throws(Errno) {
            return try root.entries(TreePath(directory)).map(\.text)
        } catch {
            if Self.isAbsence(error) { return [] }
            throw SkiffError("cannot read \(directory) of the image", errno: error)
        }
    }

    /// Returns whether a file counts as absent. One that cannot be read does, as in the shell commands that Apptainer
    /// uses.
    private static func isAbsence(_ error: Errno) -> Bool {
        [.noSuchFile, .notDirectory, .accessDenied, .tooManySymlinks, .isDirectory, .noDeviceOrAddress].contains(error)
    }
}
