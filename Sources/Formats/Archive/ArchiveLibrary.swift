package import Base
package import CArchive

/// Returns the functions of libarchive, which is opened on the first call.
///
/// - Throws: an error that names the package to install, when the host lacks the library.
package func archiveLibrary() throws(SkiffError) -> skl_archive {
    guard let library = skl_archive_library() else {
        throw SkiffError(
            "cannot work with tar archives: cannot open libarchive.so.13", hint: "Install the package libarchive13")
    }
    return library.pointee
}
