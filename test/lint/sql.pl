# The extension's SQL: code files can be run again (CREATE OR REPLACE at the start of the line, which the install script
# turns into CREATE), functions say how volatile and how parallel they are, nobody runs with the owner's rights.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Source;

sub read_sql
{
	my ($file) = @_;
	open my $in, '<', $file or die "$file: $!";
	local $/;
	return <$in> =~ s/--[^\n]*//gr;
}

for my $file (sort glob('sql/state/*.sql'), glob('sql/code/*.sql'))
{
	my $text = read_sql($file);
	my $line_of = sub { 1 + (substr($text, 0, $_[0]) =~ tr/\n//) };
	while ($text =~ /^(.*)\bOR REPLACE\b/gm)
	{
		finding($file, $line_of->($-[0]), 'OR REPLACE must stand in "CREATE OR REPLACE" at the start of a line') if $1 ne 'CREATE ';
	}
	while ($text =~ /^CREATE (?!OR REPLACE)(FUNCTION|PROCEDURE|VIEW|AGGREGATE)/gm)
	{
		finding($file, $line_of->($-[0]), "CREATE $1 must be CREATE OR REPLACE");
	}
	finding($file, $line_of->($-[0]), 'SECURITY DEFINER is not used') while $text =~ /\bSECURITY DEFINER\b/g;
	finding($file, $line_of->($-[0]), 'tables are created in sql/state') if $file =~ /code/ && $text =~ /^CREATE (?:UNLOGGED )?TABLE\b/m;
	while ($text =~ /^CREATE OR REPLACE FUNCTION\s+([\w.]+)(.*?)(?:;|\bBEGIN ATOMIC\b)/gms)
	{
		my ($name, $rest, $at) = ($1, $2, $-[0]);
		finding($file, $line_of->($at), "functions live in recsys or recsys_internal: $name") unless $name =~ /^recsys(?:_internal)?\./;
		finding($file, $line_of->($at), "$name does not say IMMUTABLE, STABLE or VOLATILE") unless $rest =~ /\b(?:IMMUTABLE|STABLE|VOLATILE)\b/;
		finding($file, $line_of->($at), "$name does not say PARALLEL SAFE, RESTRICTED or UNSAFE") unless $rest =~ /\bPARALLEL (?:SAFE|RESTRICTED|UNSAFE)\b/;
	}
}
finish();
