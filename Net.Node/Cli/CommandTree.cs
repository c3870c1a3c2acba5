using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using System.Net;
using Net.Core.Wire;
using Net.Node.Etcd;
using SocketHolder = Net.Migration.Hosting.SocketHolder;

namespace Net.Node.Cli;

/// <summary>Commands, options and defaults of the command line, and nothing of what they do.</summary>
internal sealed class CommandTree
{
    public static readonly UdpAddress DefaultListen = UdpAddress.FromEndPoint(new(IPAddress.IPv6Any, 4433));
    public static readonly UdpAddress DefaultControl = UdpAddress.FromEndPoint(new(IPAddress.Loopback, 4434));

    private static readonly string[] s_scenarios = ["move", "drain", "takeover", "relay", "rollback"];

    /// <summary>What one node announces at most.</summary>
    private const int MaxComponents = 256;

    private readonly ICommandHandlers _handlers;
    private readonly Func<string, LogLevel, CommandOutput> _output;

    private readonly Option<LogLevel?> _level = Flags.Value("--log-level", "LEVEL", "error, warn, info or debug: how much goes to standard error [default: info]",
        (string flag, string text, out LogLevel? level, out string error) =>
        {
            bool isKnown = Enum.TryParse(text, ignoreCase: true, out LogLevel parsed) && Enum.IsDefined(parsed) && char.IsAsciiLetter(text[0]);
            level = parsed;
            error = isKnown ? "" : $"{flag} '{Values.Shown(text)}' is not a level: use error, warn, info or debug";
            return isKnown;
        });

    private readonly Option<bool> _stopOnEof = Flags.Switch("--stop-on-eof", "end when standard input does");

    public CommandTree(ICommandHandlers handlers, Func<string, LogLevel, CommandOutput> output)
    {
        (_handlers, _output) = (handlers, output);
        _stopOnEof.Hidden = true;
        _level.Recursive = true;
        Root = new("Components whose live HTTP/3 connections move with them from machine to machine.");
        Root.Directives.Clear();
        Root.Options.Clear();
        Root.Add(_level);
        Root.Add(new HelpOption("--help", "-h") { Recursive = true, Description = "Show help" });
        Root.Add(new Option<bool>("--version") { Recursive = true, Arity = ArgumentArity.Zero, Description = "Show the version", Action = new PrintVersion() });
        Root.Add(Demo());
        Root.Add(Ingress());
        Root.Add(Hold());
        Root.Add(Node());
        Root.Add(Status());
        Root.Add(Migrate());
        Root.Add(Drain());
        Root.Add(Checkpoint());
        Root.Add(RollBack());
        Root.Add(Top());
        Root.Add(Trust());
        Root.Add(Get());
    }

    public RootCommand Root { get; }

    private Command Demo()
    {
        Argument<string> scenario = Flags.Positional("SCENARIO", "what to show: " + string.Join(", ", s_scenarios), (string _, string text, out string value, out string error) =>
        {
            value = text;
            error = s_scenarios.Contains(text, StringComparer.Ordinal) ? "" : $"unknown scenario '{Values.Shown(text)}': use {string.Join(" or ", s_scenarios)}";
            return error.Length == 0;
        });
        scenario.Arity = ArgumentArity.ZeroOrOne;
        scenario.DefaultValueFactory = _ => "move";
        Option<long> size = Flags.Value("--size", "MiB", "to download",
            (string flag, string text, out long value, out string error) => Values.TryWhole(flag, text, Values.MaxSizeMiB, out value, out error), 100L);
        Option<long> moves = Flags.Value("--moves", "N", "while they come",
            (string flag, string text, out long value, out string error) => Values.TryWhole(flag, text, Values.MaxMoves, out value, out error), 8L);
        Option<bool> json = Json();
        Option<Fault> fault = Flags.Value("--fault", "FAULT", "wrong-byte, lost-commit or second-handshake: must end in a failed verdict",
            (string flag, string text, out Fault value, out string error) =>
            {
                value = text switch
                {
                    "wrong-byte" => Fault.WrongByte,
                    "lost-commit" => Fault.LostCommit,
                    "second-handshake" => Fault.SecondHandshake,
                    _ => Fault.None,
                };
                error = value != Fault.None ? "" : $"{flag} '{Values.Shown(text)}' is unknown: use wrong-byte, lost-commit or second-handshake";
                return error.Length == 0;
            });
        Command command = new("demo", "Ingress, nodes and a client on this machine: a download that goes on while its server moves")
        {
            scenario, size, moves, json, fault,
        };
        Handle(command, (parsed, output, token) => _handlers.DemoAsync(Checked(
            new(parsed.GetValue(scenario)!, parsed.GetValue(size) << 20, (int)parsed.GetValue(moves), parsed.GetValue(json), parsed.GetValue(fault))), output, token));
        return command;
    }

    /// <summary>Values that are sound by themselves and not together.</summary>
    private static DemoOptions Checked(DemoOptions options)
    {
        // A MiB holds more bytes than there are moves, so that only a download of nothing leaves no room for one.
        bool isEmpty = options.Size == 0;
        (string What, string Remedy)? error = (options.Fault, options.Moves) switch
        {
            (_, > 0) when isEmpty => ("--size 0 leaves no byte at which to move", "use --size 1 or --moves 0"),
            (Fault.LostCommit, 0) => ("--fault lost-commit needs a commit to lose", "use --moves 1"),
            (Fault.WrongByte, _) when isEmpty => ("--fault wrong-byte needs a byte", "use --size 1"),
            _ => null,
        };
        return error is (string what, string remedy) ? throw new CommandFailure(what, remedy, ExitCode.Usage) : options;
    }

    private Command Ingress()
    {
        Option<UdpAddress> listen = Flags.Value<UdpAddress>("--listen", "ADDR:PORT", "public UDP address", Values.TryAddress, DefaultListen);
        Option<UdpAddress> control = Flags.Value<UdpAddress>("--control", "ADDR:PORT", "UDP address for nodes and commands", Values.TryAddress, DefaultControl);
        Option<string?> state = Flags.Text("--state", "DIR", "where the ownership log is kept; else in the data directory");
        Option<string> fallback = Flags.Value("--default", "COMPONENT", "for clients whose server name names none", Name, "web");
        Option<EtcdAddress?> directory = Directory("the directory that several ingresses share; else it is in this process");
        Option<string?> trust = TrustFlag();
        Option<bool> noHold = Flags.Switch("--no-hold", "without a process that keeps the public port open when this one dies");
        Command command = new("ingress", "The router that owns the public port, and the directory of who owns what") { listen, control, state, directory, fallback, noHold, trust, _stopOnEof };
        command.Validators.Add(result =>
        {
            // Nodes are told that address: the wildcard is none.
            if (result.GetResult(directory) is { Implicit: false } && result.GetResult(control) is { Implicit: false } given
                && given.Tokens is [{ Value: string text }] && UdpAddress.TryParse(text, out UdpAddress address)
                && (address.ToEndPoint().Address.Equals(IPAddress.Any) || address.ToEndPoint().Address.Equals(IPAddress.IPv6Any)))
            {
                result.AddError($"{Flags.Ours}--control {Values.Shown(text)} with --directory: give the address at which nodes reach this ingress");
            }
        });
        Handle(command, (parsed, output, token) => _handlers.IngressAsync(
            new(parsed.GetValue(listen), parsed.GetValue(control), parsed.GetValue(state), parsed.GetValue(fallback)!, parsed.GetValue(_stopOnEof))
            {
                Hold = !parsed.GetValue(noHold),
                Directory = parsed.GetValue(directory),
                Trust = parsed.GetValue(trust),
            },
            output, token));
        return command;
    }

    /// <summary>Not for people: `ingress` starts it.</summary>
    private Command Hold()
    {
        Option<UdpAddress> listen = Flags.Value<UdpAddress>("--listen", "ADDR:PORT", "public UDP address", Values.TryAddress, DefaultListen);
        Option<string?> at = Flags.Text("--at", "PATH", "Unix socket at which it is lent");
        at.Required = true;
        Option<TimeSpan?> linger = Flags.Value<TimeSpan?>("--linger", "SECONDS", "how long to wait for the next ingress [default: 30]", Seconds);
        Command command = new("hold", "Keeps a public port open while its ingress is started again") { listen, at, linger };
        command.Hidden = true;
        Handle(command, (parsed, output, token) => _handlers.HoldAsync(
            new(parsed.GetValue(listen), parsed.GetValue(at)!, parsed.GetValue(linger) ?? SocketHolder.Linger), output, token));
        return command;
    }

    private Command Node()
    {
        Option<string> name = Flags.Value<string>("--name", "NAME", "unique among live nodes", Name);
        name.Required = true;
        Option<UdpAddress> join = Join();
        Option<TimeSpan?> joinTimeout = Flags.Value<TimeSpan?>("--join-timeout", "SECONDS", "how long to try before the first success [default: 30]", Seconds);
        Option<string?> serve = Flags.Text("--serve", "DIR", "host the component web, with the files below DIR");
        Option<string> components = Flags.Value("--component", "NAME[,NAME...]", "names to host those files under, one component each", Names, "web");
        Option<TimeSpan?> drainTimeout = Flags.Value<TimeSpan?>("--drain-timeout", "SECONDS", "how long SIGTERM lets it move its components away [default: 10]", Seconds);
        Option<bool> takeOver = Flags.Switch("--takeover", "take everything over from the process of the same name that runs on this machine");
        Option<bool> tether = Flags.Switch("--tether", "finish running requests here when a component moves away, as ordinary code has to; else they go along");
        Option<UdpAddress?> link = Flags.Value<UdpAddress?>("--link", "ADDR:PORT", "UDP address for links; else the one that reaches the ingress, any port", Address);
        Option<UdpAddress?> listen = Flags.Value<UdpAddress?>("--listen", "ADDR:PORT", "public UDP address: no ingress, clients come to this node, which relays what moves away", Address);
        Option<UdpAddress?> control = Flags.Value<UdpAddress?>("--control", "ADDR:PORT", "with --listen: UDP address at which other nodes join this one", Address);
        Option<EtcdAddress?> directory = Directory("where the ingresses of the federation are found, instead of --join");
        Option<string?> cert = Flags.Text("--cert", "FILE", "PEM certificate chain to show to clients, the same on every node");
        Option<string?> key = Flags.Text("--key", "FILE", "PEM key of --cert");
        Option<string?> trust = Flags.Text("--trust", "DIR", "federation authority and member key, instead of the data directory's");
        Command command = new("node", "A machine that components live on") { name, join, directory, joinTimeout, serve, components, drainTimeout, takeOver, tether, listen, control, link, cert, key, trust, _stopOnEof };
        command.Validators.Add(result =>
        {
            bool hasCert = result.GetResult(cert) is { Implicit: false }, hasKey = result.GetResult(key) is { Implicit: false };
            if (hasCert != hasKey)
            {
                (string given, string missing) = hasCert ? ("--cert", "--key") : ("--key", "--cert");
                result.AddError($"{Flags.Ours}{given} without {missing}: give both, or neither for the development certificate");
            }

            bool hasListen = result.GetResult(listen) is { Implicit: false }, hasControl = result.GetResult(control) is { Implicit: false };
            if (hasListen != hasControl)
            {
                (string given, string missing) = hasListen ? ("--listen", "--control") : ("--control", "--listen");
                result.AddError($"{Flags.Ours}{given} without {missing}: give both, or neither when there is an ingress");
            }

            if (hasListen && (result.GetResult(join) is { Implicit: false } || result.GetResult(takeOver) is { Implicit: false }))
            {
                result.AddError($"{Flags.Ours}--listen with --join or --takeover: a node that relays has the directory itself, leave the other out");
            }

            if (result.GetResult(directory) is { Implicit: false } && (hasListen || result.GetResult(join) is { Implicit: false }))
            {
                result.AddError($"{Flags.Ours}--directory with --join or --listen: the ingresses are found there, leave the other out");
            }

            if (result.GetResult(components) is { Implicit: false } && result.GetResult(serve) is not { Implicit: false })
            {
                result.AddError($"{Flags.Ours}--component without --serve: give --serve DIR");
            }
        });
        Handle(command, (parsed, output, token) => _handlers.NodeAsync(
            new(parsed.GetValue(name)!, parsed.GetValue(join), parsed.GetValue(joinTimeout) ?? TimeSpan.FromSeconds(30), parsed.GetValue(serve), parsed.GetValue(link),
                parsed.GetValue(cert), parsed.GetValue(key), parsed.GetValue(trust), parsed.GetValue(_stopOnEof))
            {
                Components = parsed.GetValue(components)!,
                Listen = parsed.GetValue(listen),
                Control = parsed.GetValue(control),
                TakeOver = parsed.GetValue(takeOver),
                Tether = parsed.GetValue(tether),
                Directory = parsed.GetValue(directory),
                DrainTimeout = parsed.GetValue(drainTimeout) ?? TimeSpan.FromSeconds(10),
            },
            output, token));
        return command;
    }

    private Command Status()
    {
        Option<UdpAddress> join = Join();
        Option<bool> json = Json();
        Option<string?> trust = TrustFlag();
        Command command = new("status", "Who owns what") { join, json, trust };
        Handle(command, (parsed, output, token) => _handlers.StatusAsync(new(parsed.GetValue(join), parsed.GetValue(json)) { Trust = parsed.GetValue(trust) }, output, token));
        return command;
    }

    private Command Migrate()
    {
        Argument<string> component = Flags.Positional<string>("COMPONENT", "what to move", Typed);
        Option<string> to = Flags.Value<string>("--to", "NAME", "node to move it to", Typed);
        to.Required = true;
        Option<UdpAddress> join = Join();
        Option<TimeSpan?> timeout = Flags.Value<TimeSpan?>("--timeout", "SECONDS", "abort when not committed by then [default: 10]", Seconds);
        Option<bool> json = Json();
        Option<string?> trust = TrustFlag();
        Command command = new("migrate", "Move a component with all its connections") { component, to, join, timeout, json, trust };
        Handle(command, (parsed, output, token) => _handlers.MigrateAsync(
            new(parsed.GetValue(component)!, parsed.GetValue(to)!, parsed.GetValue(join), parsed.GetValue(timeout) ?? TimeSpan.FromSeconds(10), parsed.GetValue(json))
            {
                Trust = parsed.GetValue(trust),
            },
            output, token));
        return command;
    }

    private Command Drain()
    {
        Argument<string> node = Flags.Positional<string>("NODE", "node to empty", Typed);
        Option<UdpAddress> join = Join();
        Option<TimeSpan?> timeout = Flags.Value<TimeSpan?>("--timeout", "SECONDS", "what has not moved by then stays [default: 60]", Seconds);
        Option<bool> json = Json();
        Option<bool> cancel = Flags.Switch("--cancel", "end the drain: the node is a host like any other again");
        Option<string?> trust = TrustFlag();
        Command command = new("drain", "Move everything away from a node, one component after the other") { node, join, timeout, cancel, json, trust };
        Handle(command, (parsed, output, token) => _handlers.DrainAsync(
            new(parsed.GetValue(node)!, parsed.GetValue(join), parsed.GetValue(timeout) ?? TimeSpan.FromSeconds(60), parsed.GetValue(json))
            {
                Cancel = parsed.GetValue(cancel),
                Trust = parsed.GetValue(trust),
            },
            output, token));
        return command;
    }

    private Command Checkpoint()
    {
        Argument<string> component = Flags.Positional<string>("COMPONENT", "what to make a checkpoint of", Typed);
        (Option<UdpAddress> join, Option<TimeSpan?> timeout, Option<bool> json, Option<string?> trust) = (Join(), SafePointTimeout(), Json(), TrustFlag());
        Command command = new("checkpoint", "Keep a component's state of this instant, to go back to") { component, join, timeout, json, trust };
        Handle(command, (parsed, output, token) => _handlers.CheckpointAsync(
            new(parsed.GetValue(component)!, parsed.GetValue(join), parsed.GetValue(timeout) ?? TimeSpan.FromSeconds(10), parsed.GetValue(json)) { Trust = parsed.GetValue(trust) },
            output, token));
        return command;
    }

    private Command RollBack()
    {
        Argument<string> component = Flags.Positional<string>("COMPONENT", "what goes back", Typed);
        Option<ulong?> to = Flags.Value<ulong?>("--to", "N", "number of the checkpoint [default: the newest]", Number);
        (Option<UdpAddress> join, Option<TimeSpan?> timeout, Option<bool> json, Option<string?> trust) = (Join(), SafePointTimeout(), Json(), TrustFlag());
        Command command = new("rollback", "Have a component go back to a checkpoint; its connections live on") { component, to, join, timeout, json, trust };
        Handle(command, (parsed, output, token) => _handlers.RollBackAsync(
            new(parsed.GetValue(component)!, parsed.GetValue(to) ?? 0, parsed.GetValue(join), parsed.GetValue(timeout) ?? TimeSpan.FromSeconds(10), parsed.GetValue(json))
            {
                Trust = parsed.GetValue(trust),
            },
            output, token));
        return command;
    }

    private static Option<TimeSpan?> SafePointTimeout() =>
        Flags.Value<TimeSpan?>("--timeout", "SECONDS", "give up when requests have not come to a safe point by then [default: 10]", Seconds);

    private Command Top()
    {
        Option<UdpAddress> join = Join();
        Option<TimeSpan?> interval = Flags.Value<TimeSpan?>("--interval", "SECONDS", "between two looks [default: 1]", Seconds);
        Option<bool> once = Flags.Switch("--once", "one look, then done");
        Option<bool> json = Flags.Switch("--json", "one JSON object for each look, on a line of its own");
        Option<string?> trust = TrustFlag();
        Command command = new("top", "Nodes, components, connections, moves and rates, as they are now") { join, interval, once, json, trust };
        Handle(command, (parsed, output, token) => _handlers.TopAsync(
            new(parsed.GetValue(join), parsed.GetValue(interval) ?? TimeSpan.FromSeconds(1), parsed.GetValue(once), parsed.GetValue(json)) { Trust = parsed.GetValue(trust) }, output, token));
        return command;
    }

    private Command Get()
    {
        GetSyntax syntax = new();
        Handle(syntax.Command, (parsed, output, token) => _handlers.GetAsync(syntax.Read(parsed), output, token));
        return syntax.Command;
    }

    private static Option<UdpAddress> Join() => Flags.Value<UdpAddress>("--join", "ADDR:PORT", "the ingress's control address", Values.TryRemote, DefaultControl);

    private Command Trust()
    {
        Argument<TrustAction> action = Flags.Positional("ACTION", "init, add, list or remove", (string _, string text, out TrustAction value, out string error) =>
        {
            bool isKnown = Enum.TryParse(text, ignoreCase: true, out value) && Enum.IsDefined(value) && char.IsAsciiLetterLower(text[0]);
            error = isKnown ? "" : $"unknown action '{Values.Shown(text)}': use init, add NAME, list or remove NAME";
            return isKnown;
        });
        Argument<string?> name = Flags.Positional("NAME", "of a node, to add or to remove", (string flag, string text, out string? value, out string error) =>
        {
            value = text;
            return Values.TryName(flag, text, out error);
        });
        name.Arity = ArgumentArity.ZeroOrOne;
        Option<string?> trust = Flags.Text("--trust", "DIR", "where the federation's authority is, instead of the data directory");
        Option<bool> json = Json();
        Command command = new("trust", "Who is a member of the federation") { action, name, trust, json };
        command.Validators.Add(result =>
        {
            if (result.GetResult(action) is not { Tokens: [{ Value: string verb }] })
            {
                return;
            }

            bool isNamed = result.GetResult(name) is { Tokens.Count: > 0 }, takesName = verb is "add" or "remove";
            if (isNamed != takesName)
            {
                result.AddError($"{Flags.Ours}{verb} {(takesName ? "without a name: give the node's" : "takes no name: leave it out")}");
            }
            else if (result.GetResult(json) is { Implicit: false } && verb != "list")
            {
                result.AddError($"{Flags.Ours}--json with {verb}: only a list has it");
            }
        });
        Handle(command, (parsed, output, token) => _handlers.TrustAsync(
            new(parsed.GetValue(action), parsed.GetValue(name), parsed.GetValue(trust), parsed.GetValue(json)), output, token));
        return command;
    }

    private static Option<string?> TrustFlag() => Flags.Text("--trust", "DIR", "federation authority and member key, instead of the data directory's");

    private static Option<EtcdAddress?> Directory(string description) =>
        Flags.Value<EtcdAddress?>("--directory", "etcd://HOST:PORT[,...]", description, Values.TryDirectory);

    private static Option<bool> Json() => Flags.Switch("--json", "one JSON object on standard output, and nothing else");

    private static bool Seconds(string flag, string text, out TimeSpan? value, out string error)
    {
        bool isSound = Values.TrySeconds(flag, text, out TimeSpan time, out error);
        value = time;
        return isSound;
    }

    private static bool Number(string flag, string text, out ulong? value, out string error)
    {
        bool isSound = Values.TryWhole(flag, text, long.MaxValue, out long number, out error);
        if (isSound && number == 0)
        {
            error = $"{flag} 0 is no checkpoint: give its number, or leave {flag} out for the newest";
        }

        value = (ulong)number;
        return error.Length == 0;
    }

    private static bool Address(string flag, string text, out UdpAddress? value, out string error)
    {
        bool isSound = Values.TryAddress(flag, text, out UdpAddress address, out error);
        value = address;
        return isSound;
    }

    private static bool Name(string flag, string text, out string value, out string error)
    {
        value = text;
        return Values.TryName(flag, text, out error);
    }

    /// <summary>Each a name, and none twice.</summary>
    private static bool Names(string flag, string text, out string value, out string error)
    {
        value = text;
        string[] names = text.Split(',');
        foreach (string name in names)
        {
            if (!Values.TryName(flag, name, out error))
            {
                return false;
            }
        }

        bool isSound = names.Distinct(StringComparer.Ordinal).Count() == names.Length && names.Length <= MaxComponents;
        error = isSound ? "" : $"{flag} names one twice, or more than {MaxComponents}: give each once";
        return isSound;
    }

    private static bool Typed(string flag, string text, out string value, out string error)
    {
        value = text;
        return Values.TryTyped(flag, text, out error);
    }

    private void Handle(Command command, Func<ParseResult, CommandOutput, CancellationToken, Task<int>> handler) =>
        command.SetAction((parsed, token) => handler(parsed, _output(command.Name, parsed.GetValue(_level) ?? LogLevel.Info), token));

    /// <summary>Prints the version, whatever else is on the line.</summary>
    private sealed class PrintVersion : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            parseResult.InvocationConfiguration.Output.WriteLine($"continuum {typeof(CommandTree).Assembly.GetName().Version!.ToString(3)}");
            return ExitCode.Done;
        }
    }
}
