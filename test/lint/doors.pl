# One place for each dangerous thing: PostgreSQL's errors and memory and SPI in src/pg, threads in pg/threads, the command
# line of a shell nowhere. Elsewhere C++ throws, and calls the C API through pg::call.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Source;

my $raw = qr/\b(PG_TRY|PG_CATCH|PG_FINALLY|PG_END_TRY|PG_RE_THROW|ereport|elog|ereport_domain|palloc\w*|pstrdup|psprintf|repalloc\w*|SPI_(?!OK_|ERROR_|processed\b|tuptable\b|result\b)\w+|sigsetjmp|siglongjmp)\s*\(/;
for my $file (files())
{
	my $number = 0;
	for my $line (split /\n/, code($file) =~ s/"(?:\\.|[^"\\\n])*"/""/gr)
	{
		$number++;
		next if $line =~ /^\s*#/;
		finding($file, $number, "$1 belongs in src/pg") if $file !~ m{^src/pg/} && $line =~ $raw;
		finding($file, $number, "threads are started by pg::compute only")
		  if $file !~ m{^src/pg/threads\.} && $line =~ /\b(?:std::(?:j?thread\b(?!::)|async\b)|pthread_create)/;
		finding($file, $number, "no function may start programs or end the process")
		  if $line =~ /(?<![\w.:>])(?:system|popen|exit|_exit|abort)\s*\(/ && $line !~ /::abort|proc_exit/;
	}
}
finish();
