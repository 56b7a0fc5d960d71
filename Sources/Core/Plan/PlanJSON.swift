package import Base
import Linux

/// The same plan for programs: `--explain=json`. Names are the kernel's where it has one.
extension Plan {
    package func json() -> JSONText {
        .members([
            "action": .string(action.rawValue),
            "arguments": .strings(arguments.map { String(bytes: $0) }),
            "image": imageJSON,
            "process": .string(process.rawValue),
            "sharing": sharing.map { .members(["name": .string($0.name), "isAsked": .bool($0.isAsked)]) },
            "instance": instance.map {
                .members([
                    "name": .string($0.name), "state": .string($0.directory.statePath($0.name)),
                    "logErrPath": .string($0.directory.errorLog($0.name)),
                    "logOutPath": .string($0.directory.outputLog($0.name)),
                ])
            },
            "namespaces": namespacesJSON,
            "joinedNetwork": joinedNetwork.map {
                .members([
                    "path": $0.path.map { .string($0) }, "reason": .string($0.reason), "origin": .string($0.origin),
                ])
            },
            "outerUser": outerUser.map {
                .members(["reason": .string($0.reason), "origin": .string($0.origin)])
            },
            "networks": .array(
                networks.map {
                    .members([
                        "name": .string($0.name), "interface": .string($0.interface),
                        "arguments": .strings($0.arguments), "origin": .string($0.origin),
                    ])
                }),
            "user": userJSON,
            "root": rootJSON,
            "session": sessionJSON,
            "layers": .array(layers.map(\.json)),
            "images": imagesJSON, "mounts": .array(mounts.map(\.json)),
            "environment": environment.json,
            "directory": directoryJSON,
            "umask": .string(String(umask, radix: 8)),
            "hostname": hostname.map { .string($0) },
            "privileges": .members([
                "capabilities": .strings(Capability.names(of: privileges.capabilities)),
                "noNewPrivileges": .bool(privileges.noNewPrivileges),
                "allowSetuid": .bool(privileges.allowSetuid),
                "label": privileges.label.map { .string($0.text) },
                "user": (privileges.user ?? privileges.target).map {
                    .members([
                        "uid": .integer(Int64($0.uid)), "gid": .integer(Int64($0.gid)),
                        "groups": .array($0.groups.map { .integer(Int64($0)) }),
                    ])
                },
            ]),
            "attributes": attributesJSON,
            "cgroup": cgroupJSON,
            "plugins": .array(
                plugins.map {
                    .members([
                        "id": .string($0.id), "version": .string($0.version), "trigger": .string($0.trigger),
                        "phases": .strings($0.phases.map(\.rawValue)),
                    ])
                }),
            "messages": .array(
                allMessages.map { .members(["level": .string($0.level.label), "text": .string($0.text)]) }),
            "notes": .array(notes.map { .members(["text": .string($0.text), "origin": .string($0.origin)]) }),
        ])
    }

    /// The parts that are made once for all processes that share the container.
    var containerJSON: JSONText {
        .members([
            "image": imageJSON, "namespaces": namespacesJSON, "user": userJSON, "root": rootJSON,
            "session": sessionJSON, "layers": .array(layers.map(\.json)), "images": imagesJSON,
            "mounts": .array(mounts.map(\.json)),
            "hostname": hostname.map { .string($0) }, "plugins": .strings(plugins.map(\.id)), "sysctls": sysctlsJSON,
        ])
    }

    private var cgroupJSON: JSONText? {
        cgroup.map { cgroup in
            .members([
                "limits": .array(
                    cgroup.limits.map {
                        .members([
                            "name": .string($0.name.rawValue), "subject": .string($0.subject),
                            "value": .string($0.value), "reason": .string($0.cause.reason),
                            "origin": .string($0.cause.origin),
                        ])
                    }),
                "parents": .strings(cgroup.places.map(\.directory)),
            ])
        }
    }

    private var imagesJSON: JSONText {
        .array(images.map { .members(["path": .string($0.path), "image": $0.json]) })
    }

    private var attributesJSON: JSONText {
        .members([
            "groups": .array(attributes.groups.map { $0.cause.json("gid", .integer(Int64($0.gid))) }),
            "limits": .array(
                attributes.limits.map {
                    .members([
                        "resource": .string($0.resource.text), "soft": $0.value.soft.limitJSON,
                        "hard": $0.value.hard.limitJSON, "reason": .string($0.cause.reason),
                        "origin": .string($0.cause.origin),
                    ])
                }),
            "sysctls": sysctlsJSON,
            "filters": .array(
                attributes.filters.map { $0.cause.json("instructions", .integer(Int64($0.program.count / 8))) }),
            "wrappers": .array(
                attributes.wrappers.map { $0.cause.json("words", .strings($0.words.map { String(bytes: $0) })) }),
        ])
    }

    private var sysctlsJSON: JSONText {
        .array(
            attributes.sysctls.map {
                .members([
                    "name": .string($0.name), "value": .string($0.value), "reason": .string($0.cause.reason),
                    "origin": .string($0.cause.origin),
                ])
            })
    }

    private var imageJSON: JSONText {
        .members([
            "path": .string(image.path), "driver": .string(image.driver.rawValue),
            "offset": .integer(image.range.offset), "size": .integer(image.range.size),
            "writable": .bool(image.writable),
            "synchronous": .bool(image.isSynchronous),
            "owner": image.owner.map {
                .members(["uid": .integer(Int64($0.uid)), "gid": .integer(Int64($0.gid))])
            },
            "missingTargets": .string(image.targets.rawValue),
            "encryption": image.encryption.map { .string($0.label) },
        ])
    }

    private var namespacesJSON: JSONText { .strings(namespaces.names + (user == .none ? [] : ["user"])) }

    private var sessionJSON: JSONText {
        .members([
            "type": .string(session.type.rawValue), "size": session.size.map { .integer($0) },
            "propagation": .string(session.receivesMounts ? "slave" : "private"),
        ])
    }

    private var userJSON: JSONText? {
        func map(_ inside: UInt32, _ outside: UInt32) -> JSONText {
            .members(["inside": .integer(Int64(inside)), "outside": .integer(Int64(outside))])
        }
        func range(_ range: SubordinateIDs.Range) -> JSONText {
            .members([
                "inside": .integer(1), "outside": .integer(Int64(range.first)), "count": .integer(Int64(range.count)),
            ])
        }
        switch user {
        case .none: return nil
        case .new(let uid, let gid):
            return .members(["uid": map(uid.inside, uid.outside), "gid": map(gid.inside, gid.outside)])
        case .ranges(let ids, let uid, let gid):
            return .members([
                "uid": map(0, uid), "gid": map(0, gid), "subuid": range(ids.users), "subgid": range(ids.groups),
            ])
        }
    }

    private var rootJSON: JSONText? {
        root.map { root in
            .members([
                "mode": .string(root.mode.rawValue), "filter": .string(root.filter.kind.rawValue),
                "program": .string(root.filter.hexadecimal),
            ])
        }
    }

    private var directoryJSON: JSONText {
        switch directory {
        case .required(let path): .members(["required": .string(path)])
        case .preferred(let paths): .members(["preferred": .strings(paths)])
        }
    }
}

extension ProgramAttributes.Cause {
    fileprivate func json(_ name: String, _ value: JSONText) -> JSONText {
        .object([.init(name, value), .init("reason", .string(reason)), .init("origin", .string(origin))])
    }
}

extension UInt64 {
    /// A resource limit; left out when there is none.
    fileprivate var limitJSON: JSONText? { self == .max ? nil : .integer(Int64(clamping: self)) }
}

extension Layer {
    fileprivate var json: JSONText {
        var path: String?
        var work: String?
        let kindName: String
        switch kind {
        case .lower(let lower): (kindName, path) = ("lower", lower)
        case .upper(let upper, let directory): (kindName, path, work) = ("upper", upper, directory)
        case .temporaryUpper: kindName = "temporaryUpper"
        case .served(let image): (kindName, path, work) = ("served", image.path, nil)
        }
        var served: ServedLayer?
        if case .served(let image) = kind { served = image }
        return .members([
            "kind": .string(kindName), "path": path.map { .string($0) }, "work": work.map { .string($0) },
            "image": served.map(\.json), "reason": .string(reason), "origin": .string(origin),
        ])
    }
}

extension Mount {
    fileprivate var json: JSONText {
        var type = "bind"
        var path: String?
        var options: [String]?
        var image: Int?
        switch source {
        case .bind(let source), .made(let source, _): path = source
        case .filesystem(let name, let list): (type, options) = (name, list)
        case .session: type = "session"
        case .file, .derived: type = "file"
        case .image(let index, let inside): (type, path, image) = ("image", inside, index)
        case .symlink(let target): (type, path) = ("symlink", target)
        case .node: type = "node"
        }
        return .members([
            "destination": .string(destination), "type": .string(type), "source": path.map { .string($0) },
            "options": options.map { .strings($0) }, "image": image.map { .integer(Int64($0)) },
            "attributes": .strings(attributes.names),
            "group": .string("\(group)"), "ifMissing": .string(missing.rawValue), "reason": .string(reason),
            "origin": .string(origin),
        ])
    }
}
