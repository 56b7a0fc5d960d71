import Testing

@testable import Dockerfile

@Suite struct ErrorTests {
    private static let prefix = "Unable to build from Dockerfile: while parsing Dockerfile: "

    @Test func showsPlaceAndExpectation() {
        #expect(
            refused("FROM a\n\nRUNN x \\\n y\n")
                == Self.prefix
                + "unknown instruction: RUNN\n         Dockerfile:3: RUNN x \\\n         expected one of "
                + "ADD, ARG, CMD, COPY, ENTRYPOINT, ENV, EXPOSE, FROM, HEALTHCHECK, LABEL, MAINTAINER, ONBUILD, RUN, "
                + "SHELL, STOPSIGNAL, USER, VOLUME, WORKDIR")
    }

    @Test func showsNoControlCharacters() {
        #expect(refused("\u{1B}[31m\u{7}\n")?.contains("Dockerfile:1:  [31m \n") == true)
    }

    @Test(arguments: [
        ("", "has no stage", 0), ("# only\n", "has no stage", 0), ("ARG a\n", "has no stage", 0),
        ("RUN a\n", "no build stage in current context", 1),
        ("FROM\n", "requires either one or three arguments", 1), ("FROM a b\n", "one or three", 1),
        ("FROM a IS b\n", "one or three", 1), ("FROM a AS 1b\n", "invalid name for build stage", 1),
        ("FROM a AS b/c\n", "invalid name for build stage", 1), ("FROM a AS scratch\n", "invalid name", 1),
        ("FROM a AS b\nFROM c AS B\n", "duplicate name for build stage: b", 2),
        ("FROM --foo=x a\n", "unknown flag --foo of FROM", 1), ("FROM --platform a\n", "missing a value", 1),
        ("FROM --platform=windows/amd64 a\n", "cannot build for platform windows/amd64", 1),
        ("FROM --platform=$x a\n", "empty platform value from $x", 1),
        ("FROM $x\n", "base name ($x) should not be blank", 1), ("FROM ${x\n", "has no end", 1),
        ("# escape=x\nFROM a\n", "invalid escape token 'x'", 1),
        ("# escape=`\n# escape=`\nFROM a\n", "only one escape parser directive", 2),
        ("# syntax=example/other:1\nFROM a\n", "cannot read syntax example/other:1", 1),
        ("FROM a\nRUN <<EOF\nb\n", "unterminated heredoc", 2), ("FROM a\nRUN 'a <<EOF\n", "quoted word has no end", 2),
        ("FROM a\nRUN\n", "RUN requires at least one argument", 2), ("FROM a\nRUN []\n", "at least one argument", 2),
        ("FROM a\nRUN [\"a\\u0000\"]\n", "null character", 2),
        ("FROM a\nRUN --mount=type=secret,id=a,target=/a b\n", "cannot mount type secret in a build", 2),
        ("FROM a\nRUN --mount=type=ssh b\n", "cannot mount type ssh", 2),
        ("FROM a\nRUN --mount=type=cache b\n", "a mount has no target", 2),
        ("FROM a\nRUN --mount=target=/ b\n", "cannot cover the root", 2),
        ("FROM a\nRUN --mount=target=/a,foo=b c\n", "unknown field foo", 2),
        ("FROM a\nRUN --mount=target=/a,ro=x c\n", "either true or false", 2),
        ("FROM a\nRUN --mount=target=/a,type=tmpfs,source=b c\n", "tmpfs mount has no source", 2),
        ("FROM a\nRUN --mount=target=/a,mode=9 c\n", "9 of a mount is no number", 2),
        ("FROM a\nRUN --mount=target=/a,type=tmpfs,size=1x c\n", "1x is no size", 2),
        ("FROM a\nRUN --mount=\"target=/a\n", "quoted word has no end", 2),
        ("FROM a\nRUN --network=foo c\n", "unknown network foo", 2),
        ("FROM a\nRUN --security=insecure c\n", "--security=insecure", 2),
        ("FROM a\nCMD\n", "CMD requires at least one argument", 2), ("FROM a\nSHELL bash\n", "JSON form", 2),
        ("FROM a\nSHELL []\n", "at least one", 2), ("FROM a\nENV\n", "ENV requires at least one", 2),
        ("FROM a\nENV a\n", "ENV must have two arguments", 2), ("FROM a\nENV a=b c\n", "cannot find = in c", 2),
        ("FROM a\nENV =b\n", "ENV names can not be blank", 2), ("FROM a\nENV a='b\n", "quoted word has no end", 2),
        ("FROM a\nENV $x=b\n", "a name is empty: $x", 2), ("FROM a\nLABEL a=b =c\n", "LABEL names can not be blank", 2),
        ("FROM a\nARG =b\n", "ARG names can not be blank", 2), ("FROM a\nARG\n", "ARG requires at least one", 2),
        ("FROM a\nCOPY a\n", "COPY requires at least two arguments, but only 1", 2),
        ("FROM a\nCOPY --from a b\n", "missing a value on flag --from", 2),
        ("FROM a\nCOPY --chown=1 --chown=2 a b\n", "duplicate flag --chown", 2),
        ("FROM a\nCOPY --link=maybe a b\n", "either true or false", 2),
        ("FROM a\nCOPY --parents a b\n", "unknown flag --parents of COPY", 2),
        ("FROM a\nADD --checksum=sha256:0 a b\n", "sha256:0 is no checksum", 2),
        ("FROM a\nADD --checksum=sha256:\(String(repeating: "0", count: 64)) a b\n", "for one file of another host", 2),
        ("FROM a\nCOPY --checksum=sha256:0 a b\n", "unknown flag --checksum of COPY", 2),
        ("FROM a\nADD --from=x a b\n", "unknown flag --from of ADD", 2),
        ("FROM a\nCOPY a b c\n", "destination must be a directory", 2),
        ("FROM a\nCOPY --from=1 a b\n", "invalid stage index 1", 2),
        ("FROM a\nCOPY --from=0 a b\n", "needs to be defined", 2),
        ("FROM a AS x\nCOPY --from=x a b\n", "needs to be defined before", 2),
        ("FROM a\nCOPY --from=y a b\nFROM c AS y\n", "needs to be defined before", 2),
        ("FROM a\nCOPY --from=\"\" a b\n", "names no stage", 2), ("FROM a\nCOPY --from=$x a b\n", "names nothing", 2),
        ("FROM a\nCOPY --chmod=888 a b\n", "invalid chmod parameter", 2),
        ("FROM a\nCOPY --chmod=10000 a b\n", "invalid chmod parameter", 2),
        ("FROM a\nCOPY --chmod=u~x a b\n", "invalid chmod parameter", 2),
        ("FROM a\nCOPY --exclude=[ a b\n", "syntax error in pattern", 2),
        ("FROM a\nCOPY https://x/y b\n", "source can't be a URL for COPY", 2),
        ("FROM a\nCOPY $x b\n", "a source is empty", 2), ("FROM a\nCOPY \"a b\n", "quoted word has no end", 2),
        ("FROM a\nCOPY x <<e\ny\ne\n", "heredoc as a destination", 2),
        ("FROM a\nCOPY --from=b <<e /x\ny\ne\n", "cannot be copied from a stage", 2),
        ("FROM a\nEXPOSE\n", "EXPOSE requires", 2), ("FROM a\nEXPOSE x\n", "invalid port x", 2),
        ("FROM a\nEXPOSE 80/foo\n", "invalid port 80/foo", 2), ("FROM a\nEXPOSE 9-8\n", "invalid port 9-8", 2),
        ("FROM a\nEXPOSE 65536\n", "invalid port", 2), ("FROM a\nVOLUME\n", "VOLUME requires", 2),
        ("FROM a\nVOLUME [\"\"]\n", "VOLUME requires paths", 2), ("FROM a\nVOLUME $x\n", "empty string", 2),
        ("FROM a\nUSER\n", "USER requires exactly one", 2), ("FROM a\nUSER a b\n", "USER requires exactly one", 2),
        ("FROM a\nWORKDIR\n", "WORKDIR requires", 2),
        ("FROM a\nSTOPSIGNAL a b\n", "STOPSIGNAL requires exactly one", 2),
        ("FROM a\nMAINTAINER\n", "MAINTAINER requires", 2), ("FROM a\nUSER --x\n", "unknown flag --x of USER", 2),
        ("FROM a\nONBUILD ONBUILD RUN x\n", "ONBUILD isn't allowed", 2),
        ("FROM a\nONBUILD FROM x\n", "FROM isn't allowed", 2),
        ("FROM a\nONBUILD MAINTAINER x\n", "MAINTAINER isn't allowed", 2), ("FROM a\nONBUILD\n", "ONBUILD requires", 2),
        ("FROM a\nONBUILD NOPE x\n", "unknown instruction: NOPE", 2), ("FROM a\nONBUILD COPY x\n", "at least two", 2),
        ("FROM a\nHEALTHCHECK\n", "unknown type  in HEALTHCHECK", 2),
        ("FROM a\nHEALTHCHECK FOO x\n", "unknown type FOO", 2),
        ("FROM a\nHEALTHCHECK NONE x\n", "takes no arguments", 2), ("FROM a\nHEALTHCHECK CMD\n", "missing command", 2),
        ("FROM a\nHEALTHCHECK --interval=x CMD a\n", "--interval is no time", 2),
        ("FROM a\nHEALTHCHECK --interval=1us CMD a\n", "--interval is no time", 2),
        ("FROM a\nHEALTHCHECK --retries=x CMD a\n", "--retries is no number", 2),
        ("FROM a\nRUN a\nRUN ${b\nENV c=${d\n", "has no end", 4),
    ])
    func refuses(text: String, message: String, line: Int) throws {
        let refusal = try #require(refused(text))
        #expect(refusal.hasPrefix(Self.prefix))
        #expect(refusal.contains(message))
        #expect(line == 0 ? !refusal.contains("Dockerfile:1:") : refusal.contains("\n         Dockerfile:\(line): "))
    }

    @Test func refusesWhatIsNoText() {
        #expect(throws: DockerfileError.self) { try ParsedDockerfile(parsing: Array("FROM a\nRUN ".utf8) + [0xFF]) }
        #expect(throws: DockerfileError.self) { try ParsedDockerfile(parsing: Array("FROM a\nRUN b\0".utf8)) }
        #expect(throws: Never.self) {
            try ParsedDockerfile(parsing: Array("FROM a\nCOPY <<e /b\n".utf8) + [0xFF, 0, 0x0A] + Array("e".utf8))
        }
    }

    @Test func namesTheStagesThatThereAre() {
        #expect(refused("FROM a AS x\nFROM b AS y") { $0.target = "z" }?.contains("expected one of x, y") == true)
        #expect(refused("FROM a AS x\nFROM b") { $0.target = "X" } == nil)
    }
}
