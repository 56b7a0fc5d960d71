import Base
import Core
import Dockerfile
import Linux
import Packing

/// A Dockerfile with all that was asked of it: read and planned, but not built.
struct DockerfileRecipe {
    /// Its name in messages.
    let name: String
    /// The build context: absolute.
    let context: String
    let plan: DockerfilePlan
    let ignored: IgnoreFile

    /// - Parameters:
    ///   - file: absolute.
    ///   - name: as the user wrote it.
    ///   - context: absolute.
    init(file: String, name: String, context: String, options: DockerfileOptions) throws(SkiffError) {
        (self.name, self.context) = (name, context)
        guard (try? status(context).isDirectory) == true else {
            throw SkiffError("Unable to build from \(name): the build context \(context) is no directory")
        }
        let bytes: [UInt8]
        do throws(Errno) {
            bytes = try readFile(file, limit: 16 << 20)
        } catch {
            throw SkiffError("Unable to build from \(name): unable to open file \(name): open \(file)", errno: error)
        }
        do throws(DockerfileError) {
            plan = try DockerfilePlan(try ParsedDockerfile(parsing: bytes), options)
        } catch {
            throw error.described(in: name)
        }
        ignored = try Self.ignoreFile(file, context, name)
    }

    /// The ignore file that is named after the Dockerfile counts, rather than the context's.
    private static func ignoreFile(_ file: String, _ context: String, _ name: String) throws(SkiffError)
        -> IgnoreFile
    {
        for path in [file + ".dockerignore", context + "/.dockerignore"] {
            let bytes: [UInt8]
            do throws(Errno) {
                bytes = try readFile(path, limit: 16 << 20)
            } catch {
                if error == .noSuchFile || error == .notDirectory { continue }
                throw SkiffError("Unable to build from \(name): cannot read \(path)", errno: error)
            }
            do throws(DockerfileProblem) {
                return try IgnoreFile(parsing: bytes, file: lastComponent(path))
            } catch {
                throw SkiffError("Unable to build from \(name): \(error.message)")
            }
        }
        return IgnoreFile()
    }

    func warn() {
        let unused = plan.unusedArguments
        if !unused.isEmpty { Log.warning("Unused build args: " + unused.joined(separator: ", ")) }
    }
}

extension DockerfileOptions {
    /// - Parameter target: empty for the last stage.
    init(_ options: BuildOptions, target: String) {
        self.init(
            platform: Platform(
                architecture: options.packing.architecture, variant: options.packing.architectureVariant),
            buildPlatform: Platform(architecture: SIFArchitecture.host.name))
        self.target = target.isEmpty ? nil : target
        arguments = options.buildArguments
    }
}
