using System.Diagnostics;
using System.Net;
using Net.Core.Io;
using Net.Core.Wire;
using Net.Migration.Hosting;
using Net.Node.Cli;
using Net.Node.Demo;

namespace Net.Node.Runtime;

/// <summary>The public socket of an ingress: from a service manager, from a holder that is there already, or from one that is started now.</summary>
internal static class HolderProcess
{
    private static readonly TimeSpan s_toStart = TimeSpan.FromSeconds(30);

    /// <returns>Null: the ingress shall bind its port itself.</returns>
    /// <exception cref="AddressInUseException">The port is taken.</exception>
    /// <exception cref="CommandFailure">The holder cannot be started.</exception>
    public static async Task<BorrowedSocket?> BorrowAsync(UdpAddress listen, string door, CommandOutput output, CancellationToken cancellationToken)
    {
        IPEndPoint address = listen.ToEndPoint();
        BorrowedSocket? borrowed = await SocketHolder.TryBorrowAsync(door, address, cancellationToken).ConfigureAwait(false);
        if (borrowed is not null)
        {
            output.Info($"{listen} is still held since the last ingress died");
            return borrowed;
        }

        if (WhatEndsIt(Environment.GetEnvironmentVariable, Environment.ProcessId) is string warning)
        {
            output.Warn(warning);
        }

        string said = await StartAsync(listen, door, cancellationToken).ConfigureAwait(false);
        borrowed = await SocketHolder.TryBorrowAsync(door, address, cancellationToken).ConfigureAwait(false);
        return borrowed ?? throw new CommandFailure(
            $"the holder of {listen} did not start{(said.Length > 0 ? $" ({said})" : "")}", "use --no-hold, at the cost of clients' connections when the ingress crashes");
    }

    /// <summary>Who would end a holder together with the ingress, which it is there to outlive.</summary>
    /// <param name="environment">Of this process.</param>
    /// <param name="processId">Its own.</param>
    /// <returns>What to do about it; null: nobody is known to.</returns>
    internal static string? WhatEndsIt(Func<string, string?> environment, int processId) => processId == 1
        ? "the first process of a container takes the holder with it: clients' connections end when this ingress is restarted or crashes"
        // systemd.exec(5): set for every process of a unit.
        : !string.IsNullOrEmpty(environment("INVOCATION_ID"))
            ? "systemd ends the holder together with its unit, and with it clients' connections: give the unit KillMode=process, or its port a .socket unit (ListenDatagram=)"
            : null;

    /// <summary>Starts a holder, which outlives this process, and waits until it holds.</summary>
    /// <returns>What it said on standard error instead.</returns>
    private static async Task<string> StartAsync(UdpAddress listen, string door, CancellationToken cancellationToken)
    {
        // Its output is a pipe of ours, not our own output: whoever reads that to its end must not wait for the holder.
        ProcessStartInfo info = Executable.Current().Start(Path.GetDirectoryName(door)!, ["hold", "--listen", listen.ToString(), "--at", door]);
        using Process process = Process.Start(info)!;
        process.StandardInput.Close();
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(s_toStart);
        string error;
        try
        {
            if (await process.StandardOutput.ReadLineAsync(limit.Token).ConfigureAwait(false) is not null)
            {
                return "";
            }

            error = (await process.StandardError.ReadToEndAsync(limit.Token).ConfigureAwait(false)).Trim();
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            process.Kill();
            return $"not ready after {s_toStart.TotalSeconds:0} s";
        }

        return error.Contains("is in use", StringComparison.Ordinal) ? throw new AddressInUseException(listen, null) : error.ReplaceLineEndings(" ");
    }
}
