-- 有效的门诊电子发票。退费后原发票冲红、重开一张，所以各张之和就是退后的费用。
SELECT FPXH, SFXH, FPHM, KPJE, FPNR
FROM DZ_FPXX
WHERE LYLB = 1 AND CHBZ = 0
