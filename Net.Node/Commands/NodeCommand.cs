using System.Security.Cryptography.X509Certificates;
using Net.Core.Wire;
using Net.Node.Cli;
using Net.Node.Data;
using Net.Node.Runtime;
using Net.Node.Web;

namespace Net.Node.Commands;

/// <summary>`continuum node`.</summary>
internal sealed class NodeCommand(ICommandRuntime runtime, DataDirectory data, TimeProvider time, Termination termination)
{
    /// <summary>Tries to join between two lines on standard error.</summary>
    public const int TriesPerLine = 10;

    /// <summary>What `demo` counts in a node's standard error.</summary>
    public const string HandshakeLine = "handshake completed";

    /// <summary>Before anything else: a node that cannot read what it is to serve does not join.</summary>
    /// <exception cref="CommandFailure">Missing, a file, or unreadable.</exception>
    public static void CheckServed(string? directory)
    {
        if (directory is null)
        {
            return;
        }

        if (!Directory.Exists(directory))
        {
            string what = File.Exists(directory) ? "is a file" : "does not exist";
            throw new CommandFailure($"--serve {Values.Shown(directory)} {what}", "give an existing directory");
        }

        try
        {
            _ = Directory.EnumerateFileSystemEntries(directory).Any();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailure($"--serve {Values.Shown(directory)} cannot be read", "give a directory that this user can read");
        }
    }

    public Task<int> RunAsync(NodeOptions options, CommandOutput output, CancellationToken cancellationToken)
    {
        CheckServed(options.Serve);
        (X509Certificate2 Certificate, X509Certificate2Collection Intermediates) ReadServer() => options.Cert is not null && options.Key is not null
            ? (PemFile.ReadPair(options.Cert, options.Key), PemFile.ReadIntermediates(options.Cert))
            : (data.ServerCertificate(), []);
        (X509Certificate2 certificate, X509Certificate2Collection intermediates) = ReadServer();
        CheckCertificate(certificate, options.Cert);
        MemberCredentials member = options.Trust is null ? data.Member(options.Name) : DataDirectory.MemberFrom(options.Trust, options.Name, time);
        string? directory = options.Serve is null ? null : Path.GetFullPath(options.Serve);
        NodeSetup setup = new(options, member, certificate, intermediates, directory is null ? null : identity => new WebComponent(directory, identity))
        {
            Relay = options is { Listen: UdpAddress listen, Control: UdpAddress control }
                ? IngressCommand.Setup(new(listen, control, null, options.Components.Split(',')[0], options.StopOnEof) { Trust = options.Trust }, data) : null,
            ReadServer = ReadServer,
            DataDirectory = data.Path,
            Terminated = termination.Claim(),
            Door = data.Door($"node-{options.Name}"),
        };
        Events events = new(options, output);
        return EndOfInput.RunAsync(options.StopOnEof, output, token => runtime.RunNodeAsync(setup, events, output, token), cancellationToken);
    }

    private void CheckCertificate(X509Certificate2 certificate, string? file)
    {
        using System.Security.Cryptography.ECDsa? ecdsa = certificate.GetECDsaPrivateKey();
        using System.Security.Cryptography.RSA? rsa = certificate.GetRSAPrivateKey();
        if (ecdsa is null && rsa is null)
        {
            throw new CommandFailure($"the key of {file} is neither ECDSA nor RSA", "make one with P-256");
        }

        if (certificate.NotAfter.ToUniversalTime() <= time.GetUtcNow().UtcDateTime)
        {
            throw new CommandFailure($"the certificate in {file} has expired", "renew it");
        }
    }

    private sealed class Events(NodeOptions options, CommandOutput output) : INodeEvents
    {
        private int _failures, _isReady;

        public void Ready((UdpAddress Listen, UdpAddress Control)? relay)
        {
            if (Interlocked.Exchange(ref _isReady, 1) == 0)
            {
                output.Result(relay is (UdpAddress listen, UdpAddress control) ? $"ready node {options.Name} {listen} control {control}" : $"ready node {options.Name}");
            }
        }

        public void HandshakeCompleted() => output.Debug(HandshakeLine);

        public void JoinFailed(string why)
        {
            int failures = Interlocked.Increment(ref _failures);
            if (failures % TriesPerLine == 0)
            {
                output.Info($"cannot join after {failures} tries ({why}): {Remedy}");
            }
        }

        private string Remedy => options.Directory is not null ? "start etcd and continuum ingress, both with the same --directory"
            : options.Listen is not null ? "it is the ingress of this process that does not answer, look at the lines above"
            : "start continuum ingress there, or give its control address with --join";
    }
}
