import CLinux
import Linux

// What skiff does with the image server, alone, for tests and benchmarks:
//   fuse-probe [--userns] [--offset N] [--size N] SERVER IMAGE MOUNTPOINT COMMAND ARGUMENT…
// The server is spawned outside; a child in a new mount namespace (and with --userns a new user namespace) mounts,
// hands the descriptor over and runs COMMAND with SERVER_PID in its environment. Then one line on stderr:
//   probe: ready=<µs> status=<of COMMAND> answer=<G|B|E…|none> server=<its exit status, or running>

func fail(_ text: String) -> Never {
    try? writeFully(2, "fuse-probe: \(text)\n")
    exit(125)
}

func now() -> Int {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return time.tv_sec * 1_000_000 + time.tv_nsec / 1000
}

var words = CommandLine.arguments.dropFirst()
var serverArguments = ["skiff-mount"]
var namespaces: Namespaces = [.mount]
while let word = words.first, word.hasPrefix("--") {
    words = words.dropFirst()
    switch word {
    case "--userns": namespaces.insert(.user)
    case "--offset", "--size":
        serverArguments += [word, words.first ?? ""]
        words = words.dropFirst()
    default: fail("unknown flag \(word)")
    }
}
guard words.count >= 4 else { fail("too few arguments") }
let (server, image, mountPoint) = (words.removeFirst(), words.removeFirst(), words.removeFirst())
let command = Array(words)

/// What the child needs to know.
struct Child {
    let namespaces: Namespaces
    let mountPoint: String
    let command: [String]
    let control: CInt
    let readyPipe: CInt
    let server: pid_t
    let uid: uid_t
    let gid: gid_t
    /// In microseconds.
    let started: Int

    /// Mounts and tells the server.
    func mount() throws(Errno) {
        if namespaces.contains(.user) {
            try writeControl("/proc/self/setgroups", "deny")
            try writeControl("/proc/self/uid_map", "\(uid) \(uid) 1")
            try writeControl("/proc/self/gid_map", "\(gid) \(gid) 1")
        }
        try setPropagation(.private, of: "/")
        let device = try open("/dev/fuse", O_RDWR)
        let options = "fd=\(device.raw),rootmode=40000,user_id=\(uid),group_id=\(gid),allow_other,default_permissions"
        try mountFilesystem(
            "fuse", source: "image", at: mountPoint, flags: UInt(MS_RDONLY | MS_NOSUID | MS_NODEV), data: options)
        try sendMessage([UInt8(ascii: "M")], descriptor: device.raw, over: control)
    }

    func run() -> Never {
        do throws(Errno) {
            try mount()
            _ = try status(mountPoint)
            try writeFully(readyPipe, "\(now() - started)")
            let environment = environmentStrings() + ["SERVER_PID=\(server)", "MOUNT_POINT=\(mountPoint)"]
            try execute(command[0], CStringArray(command), CStringArray(environment))
        } catch {
            fail("in the child: \(error)")
        }
        fail("exec came back")
    }
}

do throws(Errno) {
    let file = try open(image, O_RDONLY)
    let pair = try makeSocketPair()
    let ready = try makePipe()
    let (uid, gid) = (effectiveUID(), effectiveGID())
    let started = now()
    let serverPID = try spawn(
        server, serverArguments, environment: environmentStrings(),
        descriptors: [(3, file.raw), (4, pair.second)], newSession: true)
    let child = try cloneProcess(namespaces)
    if child == 0 {
        // Kept open here, the server's end would keep the descriptor in its queue alive, and the mount with it, after a
        // server that refused has gone.
        close(pair.second)
        Child(
            namespaces: namespaces, mountPoint: mountPoint, command: command, control: pair.first,
            readyPipe: ready.second, server: serverPID, uid: uid, gid: gid, started: started
        ).run()
    }
    let ours = pair.first
    close(pair.second)
    close(ready.second)
    let result = try waitFor(child)?.status.code ?? -1
    let time = String(decoding: try readToEnd(ready.first), as: UTF8.self)
    try? sendMessage([UInt8(ascii: "Q")], over: ours)
    let answer = try waitReadable(ours, milliseconds: 30_000) ? try? receiveMessage(over: ours).bytes : nil
    let text = answer.map { $0.isEmpty ? "none" : String(decoding: $0, as: UTF8.self) } ?? "none"
    var ended = try waitFor(serverPID, options: WNOHANG)
    for _ in 0..<100 where ended == nil {
        usleep(10_000)
        ended = try waitFor(serverPID, options: WNOHANG)
    }
    let server = ended.map { "\($0.status.code)" } ?? "running"
    try writeFully(
        2, "probe: ready=\(time.isEmpty ? "never" : time) status=\(result) answer=\(text) server=\(server)\n")
    exit(result)
} catch {
    fail("\(error)")
}
