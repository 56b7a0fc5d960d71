import Base
import Core
import Grammar
import Inspect
import Registry

/// Which code carries out which command: one line each, the rest is in the libraries.
enum Verbs {
    /// - Returns: the exit status.
    static func run(_ invocation: Invocation, _ installation: Installation, _ program: ProgramName) throws(SkiffError)
        -> Int32
    {
        switch invocation.command {
        case let command where command.hasPrefix("sif "):
            try runSIFCommand(invocation)
            return 0
        case "build": return try BuildCommand(invocation, installation).run()
        case "inspect":
            try inspect(invocation)
            return 0
        case "run-help":
            try runHelp(invocation)
            return 0
        case "exec", "run", "shell", "test", "instance start", "instance run":
            let settings = try Settings.load(invocation, installation)
            try LaunchFetch(invocation, installation, settings).run()
            return 0
        case "pull":
            let settings = try Settings.load(invocation, installation)
            try PullCommand(invocation, installation, settings).run()
            return 0
        case "push":
            try PushCommand(invocation, installation, try Settings.load(invocation, installation)).run()
            return 0
        case "tag", "delete", "search":
            try ManageCommands(invocation, installation, try Settings.load(invocation, installation)).run()
            return 0
        case "cache list", "cache clean":
            try CacheCommand(invocation).run()
            return 0
        case let command where command.hasPrefix("registry "):
            try RegistryCommand(invocation: invocation, files: files(invocation, installation)).run()
            return 0
        case let command where command.hasPrefix("remote "):
            try RemoteCommand(invocation: invocation, files: files(invocation, installation)).run()
            return 0
        case let command where command.hasPrefix("keyserver "):
            try KeyserverCommand(invocation: invocation, files: files(invocation, installation)).run()
            return 0
        case let command where command.hasPrefix("capability "):
            try CapabilityCommand(invocation, installation, program).run()
            return 0
        case let command where command.hasPrefix("config "):
            try ConfigCommand(invocation, installation, program).run()
            return 0
        case let command where command.hasPrefix("oci "):
            return try OCICommand(invocation, try Settings.load(invocation, installation)).run()
        case "doctor":
            return try DoctorCommand(invocation, installation).run()
        case "buildcfg":
            try printBuildConfiguration(invocation, installation, program)
            return 0
        case "confgen":
            try writeConfiguration(invocation, installation)
            return 0
        default: throw SkiffError("cannot run \(invocation.command): it is no command of skiff-image")
        }
    }

    private static func files(_ invocation: Invocation, _ installation: Installation) throws(SkiffError) -> RemoteFiles
    {
        try RemoteFiles(installation, named: invocation[.config])
    }
}

extension Settings {
    /// The configuration that the command line names, else the installation's.
    static func load(_ invocation: Invocation, _ installation: Installation) throws(SkiffError) -> Settings {
        try load(
            installation, file: invocation.global.configurationFile,
            buildConfiguration: invocation.global.buildConfiguration)
    }

    private static func files(_ invocation: Invocation, _ installation: Installation) throws(SkiffError) -> RemoteFiles
    {
        try RemoteFiles(installation, named: invocation[.config])
    }
}
